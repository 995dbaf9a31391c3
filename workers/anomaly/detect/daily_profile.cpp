#include "workers/anomaly/detect/daily_profile.hpp"

#include <cmath>

namespace oppen::anomaly {
namespace {

using Hours = std::chrono::duration<double, std::ratio<3600>>;

constexpr std::uint8_t full_days = 10;  // a day counts a tenth once there are so many
constexpr double part_hours = 24.0 / DailyProfile::parts;

}  // namespace

std::optional<double> DailyProfile::add(const Observation& observation) {
  const double place = Hours(observation.at.time_since_epoch()).count() / part_hours;
  const auto now = static_cast<std::int32_t>(std::floor(place));
  const auto part_of_day = [](std::int32_t number) {
    constexpr auto count = static_cast<std::int32_t>(parts);
    return static_cast<std::size_t>(((number % count) + count) % count);
  };
  if (now != current_) {
    if (count_ > 0) {
      const auto ended = part_of_day(current_);
      if (days_[ended] < full_days) ++days_[ended];
      means_[ended] += (mean_ - means_[ended]) / days_[ended];
    }
    current_ = now;
    mean_ = 0;
    count_ = 0;
  }
  ++count_;
  mean_ += (observation.value - mean_) / count_;

  const auto here = part_of_day(now);
  if (days_[here] == 0) return std::nullopt;
  const double from_middle = place - static_cast<double>(now) - 0.5;
  const auto neighbour = part_of_day(from_middle < 0 ? now - 1 : now + 1);
  if (days_[neighbour] == 0) return means_[here];
  return means_[here] + std::fabs(from_middle) * (means_[neighbour] - means_[here]);
}

}  // namespace oppen::anomaly
