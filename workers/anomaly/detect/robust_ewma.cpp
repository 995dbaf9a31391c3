#include "workers/anomaly/detect/robust_ewma.hpp"

#include "workers/anomaly/detect/clip.hpp"

namespace oppen::anomaly {
namespace {

constexpr std::int32_t moved = 12;  // clipped values in a row

}  // namespace

double RobustEwma::add(const Observation& observation) {
  const double spread = std::max(recent_.deviation(), 0.1 * all_.deviation());
  const double z = recent_.count() < clip_from
                       ? 0
                       : deviations(observation.value - recent_.mean(), spread, recent_.mean());

  double taught = observation.value;
  if (std::fabs(z) > clip_deviations && spread > 0) {
    clipped_ = z > 0 ? std::max(clipped_, 0) + 1 : std::min(clipped_, 0) - 1;
    if (std::abs(clipped_) <= moved)
      taught = recent_.mean() + std::copysign(clip_deviations * spread, z);
  } else {
    clipped_ = 0;
  }
  recent_.add(taught);
  all_.add(taught);
  return std::fabs(z);
}

}  // namespace oppen::anomaly
