#pragma once
// What the stream is at this time of the day: the exponentially weighted means of the days' six parts of four hours (UTC), and between their
// middles the straight line. The seasonal part of additive Holt-Winters (Winters 1960) on a grid of time instead of a count of values, so
// that it is the same at every sampling interval.
#include <array>
#include <cstdint>
#include <optional>

#include "workers/anomaly/detect/observation.hpp"

namespace oppen::anomaly {

class DailyProfile {
 public:
  // What was expected at this time, if this part of the day has been seen whole before; then learns the value.
  std::optional<double> add(const Observation& observation);

  template <class Archive>
  void state(Archive& archive) {
    archive(means_, mean_, current_, count_, days_);
  }

  static constexpr std::size_t parts = 6;

 private:
  // Of each part of the day; how many of them have been seen, but no more than matter.
  std::array<double, parts> means_{};
  double mean_ = 0;           // of the values so far of the part that runs
  std::int32_t current_ = 0;  // that part, counted from 1970 on
  std::uint32_t count_ = 0;
  std::array<std::uint8_t, parts> days_{};
};

}  // namespace oppen::anomaly
