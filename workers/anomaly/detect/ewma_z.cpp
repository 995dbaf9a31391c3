#include "workers/anomaly/detect/ewma_z.hpp"

namespace oppen::anomaly {

double EwmaZ::add_signed(double value) {
  all_.add(value);
  const double spread = std::max(recent_.deviation(), 0.1 * all_.deviation());
  // For a stream that has been constant.
  const double smallest = 1e-9 * (1 + std::fabs(recent_.mean()));
  const double z = all_.count() == 1 ? 0 : (value - recent_.mean()) / (spread + smallest);
  recent_.add(value);
  return z;
}

}  // namespace oppen::anomaly
