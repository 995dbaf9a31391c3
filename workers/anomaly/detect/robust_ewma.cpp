#include "workers/anomaly/detect/robust_ewma.hpp"

namespace oppen::anomaly {
namespace {

constexpr double clip = 7;              // standard deviations
constexpr std::int32_t moved = 12;      // clipped values in a row
constexpr std::uint64_t learning = 20;  // values before a spread is known well enough to clip by

}  // namespace

double RobustEwma::add(const Observation& observation) {
  const double spread = std::max(recent_.deviation(), 0.1 * all_.deviation());
  const double smallest = 1e-9 * (1 + std::fabs(recent_.mean()));
  const double difference = observation.value - recent_.mean();
  const double z = recent_.count() == 0 ? 0 : difference / (spread + smallest);

  double taught = observation.value;
  if (std::fabs(z) > clip && recent_.count() >= learning && spread > 0) {
    clipped_ = z > 0 ? std::max(clipped_, 0) + 1 : std::min(clipped_, 0) - 1;
    if (std::abs(clipped_) <= moved) taught = recent_.mean() + std::copysign(clip * spread, z);
  } else {
    clipped_ = 0;
  }
  recent_.add(taught);
  all_.add(taught);
  return std::fabs(z);
}

}  // namespace oppen::anomaly
