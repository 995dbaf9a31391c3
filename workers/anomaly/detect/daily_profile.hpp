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
    archive(parts_, current_, mean_, count_);
  }

  static constexpr std::size_t parts = 6;

 private:
  struct Part {
    double mean = 0;
    std::uint32_t days = 0;

    template <class Archive>
    void state(Archive& archive) {
      archive(mean, days);
    }
  };

  std::array<Part, parts> parts_{};
  std::int64_t current_ = 0;  // the part that runs, counted from 1970 on
  double mean_ = 0;           // of its values so far
  std::uint32_t count_ = 0;
};

}  // namespace oppen::anomaly
