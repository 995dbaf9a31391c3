#pragma once
// How far a robust detector learns from a value: a difference counts for so many standard deviations at most (Huber 1964, "Robust estimation
// of a location parameter"), once there are so many values that the spread is known.
#include <algorithm>
#include <cmath>
#include <cstdint>

namespace oppen::anomaly {

inline constexpr double clip_deviations = 7;
inline constexpr std::uint64_t clip_from = 20;  // values

// A difference in standard deviations, at most 1e9 of them. A spread is no less than the rounding of a stream at that level.
inline double deviations(double difference, double spread, double level) {
  if (difference == 0) return 0;
  return std::clamp(difference / (spread + 1e-9 * std::fabs(level)), -1e9, 1e9);
}

}  // namespace oppen::anomaly
