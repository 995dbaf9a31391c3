#include "workers/anomaly/rules/live_series.hpp"

#include <algorithm>
#include <cmath>

namespace oppen::anomaly {
namespace {

constexpr std::chrono::hours longest{24};

}  // namespace

void LiveSeries::add(Time at, double value, const Worse& worse) {
  if (!valid(value)) return;
  const auto before = detector_.count();
  const double score = to_unit(detector_.add({at, value}), Novelty::usual);
  if (is_unusual()) {
    if ((value - double{until_}) * worse.direction < 0 || at >= from(since_) + longest) since_ = 0;
  } else if (const double by = (value - mean_) * worse.direction;
             before >= history && score >= unusual_from &&
             by >= std::max(worse.least, worse.part * std::fabs(mean_))) {
    since_ = seconds(at);
    usual_ = static_cast<float>(mean_);
    until_ = static_cast<float>((value + mean_) / 2);
  }
  mean_ += (value - mean_) / static_cast<double>(std::min(before + 1, values_a_day));
  value_ = value;
  if (value != 0 || seen_ == 0) seen_ = seconds(at);
}

}  // namespace oppen::anomaly
