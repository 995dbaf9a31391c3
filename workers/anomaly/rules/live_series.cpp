#include "workers/anomaly/rules/live_series.hpp"

#include <algorithm>
#include <cmath>

namespace oppen::anomaly {
namespace {

constexpr std::chrono::hours longest{24};

}  // namespace

void LiveSeries::add(Time at, double value, const Worse& worse) {
  if (!valid(value)) return;
  const double score = to_unit(detector_.add({at, value}), Novelty::usual);
  if (is_unusual()) {
    if ((value - until_) * worse.direction < 0 || at >= from(since_) + longest) since_ = 0;
  } else if (const double by = (value - mean_) * worse.direction;
             count_ >= history && score >= unusual_from &&
             by >= std::max(worse.least, worse.part * std::fabs(mean_))) {
    since_ = seconds(at);
    usual_ = mean_;
    until_ = (value + mean_) / 2;
  }
  ++count_;
  mean_ += (value - mean_) / static_cast<double>(std::min(count_, values_a_day));
  value_ = value;
  if (value != 0 || seen_ == 0) seen_ = seconds(at);
}

}  // namespace oppen::anomaly
