#pragma once
// Whether a series spends unusually much. Pure functions, any thread; dollars.
#include <functional>
#include <optional>

#include "workers/anomaly/spend/series.hpp"

namespace oppen::anomaly {

// What an amount a day was taken from.
enum class Basis : std::uint8_t { today, hours_3, hour_1, minutes_20, prices };

struct Judgement {
  bool unusual = false;  // every test says so
  bool still = false;    // of a series that was told: it is not well yet
  Basis basis = Basis::today;
  double expected = 0;    // a day: the mean of the seven days before
  double actual = 0;      // what the day comes to by `basis`
  double deviations = 0;  // how many robust standard deviations above the median of 28 days
  bool provisional = false;
  int history = 0;  // days
  double excess() const { return actual - expected; }
};

struct Bounds {
  double floor = 0;                            // dollars a day
  std::int64_t first_day = 0;                  // the first one that is known whole
  std::function<bool(std::int64_t)> left_out;  // days that are no baseline; may be empty
  // Many more jobs run at once than chance would have it; asked only where it decides.
  std::function<bool()> many_jobs;
};

inline constexpr int least_history = 3;  // days; with fewer nothing is said
inline constexpr int full_history = 10;

// `now`: the slot that runs; what is before it is complete. `whole`: what the series is a part of; nullptr for the whole itself.
Judgement judge(const Series& series, const Series* whole, Slot now, const Bounds& bounds);

}  // namespace oppen::anomaly
