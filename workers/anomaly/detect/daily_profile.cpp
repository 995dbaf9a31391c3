#include "workers/anomaly/detect/daily_profile.hpp"

#include <algorithm>

namespace oppen::anomaly {
namespace {

using Hours = std::chrono::duration<double, std::ratio<3600>>;

constexpr double rate_of_days = 0.1;  // a day
constexpr double part_hours = 24.0 / DailyProfile::parts;

}  // namespace

std::optional<double> DailyProfile::add(const Observation& observation) {
  const double place = Hours(observation.at.time_since_epoch()).count() / part_hours;
  const auto now = static_cast<std::int64_t>(std::floor(place));
  const auto part = [&](std::int64_t number) -> Part& {
    constexpr auto count = static_cast<std::int64_t>(parts);
    return parts_[static_cast<std::size_t>(((number % count) + count) % count)];
  };
  if (now != current_) {
    if (count_ > 0) {
      Part& ended = part(current_);
      ++ended.days;
      ended.mean += std::max(rate_of_days, 1.0 / ended.days) * (mean_ - ended.mean);
    }
    current_ = now;
    mean_ = 0;
    count_ = 0;
  }
  ++count_;
  mean_ += (observation.value - mean_) / count_;

  const Part& here = part(now);
  if (here.days == 0) return std::nullopt;
  const double from_middle = place - static_cast<double>(now) - 0.5;
  const Part& neighbour = part(from_middle < 0 ? now - 1 : now + 1);
  if (neighbour.days == 0) return here.mean;
  return here.mean + std::fabs(from_middle) * (neighbour.mean - here.mean);
}

}  // namespace oppen::anomaly
