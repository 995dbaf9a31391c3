#include "workers/anomaly/detect/holt_winters.hpp"

#include "workers/anomaly/detect/clip.hpp"

namespace oppen::anomaly {
namespace {

constexpr double level_rate = 0.01;
constexpr double trend_rate = 0.001;
constexpr double season_rate = 0.05;

std::size_t hour_of_day(Time at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  return static_cast<std::size_t>(std::chrono::floor<std::chrono::hours>(at - day).count());
}

}  // namespace

double HoltWinters::add(const Observation& observation) {
  double& season = season_[hour_of_day(observation.at)];
  if (all_.count() == 0) level_ = observation.value;
  const double error = observation.value - (level_ + trend_ + season);
  const double spread = std::max(residual_.deviation(), 0.1 * all_.deviation());
  const double score = all_.count() < clip_from ? 0 : std::fabs(deviations(error, spread, level_));

  const bool clipped = spread > 0 && score > clip_deviations;
  const double taught = clipped ? std::copysign(clip_deviations * spread, error) : error;
  const double step = level_rate * taught;
  level_ += trend_ + step;
  trend_ += trend_rate * step;
  season += season_rate * (taught - step);
  residual_.add(taught);
  all_.add(observation.value);
  return score;
}

}  // namespace oppen::anomaly
