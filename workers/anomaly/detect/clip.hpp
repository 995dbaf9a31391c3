#pragma once
// How far a robust detector learns from a value: a difference counts for so many standard deviations at most (Huber 1964, "Robust estimation
// of a location parameter"), once there are so many values that the spread is known.
#include <cstdint>

namespace oppen::anomaly {

inline constexpr double clip_deviations = 7;
inline constexpr std::uint64_t clip_from = 20;  // values

}  // namespace oppen::anomaly
