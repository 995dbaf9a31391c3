#pragma once
// What a detector is given and what it says. Every detector of this folder has `double add(const Observation&)`: how unusual the value is,
// from 0, before it has learnt from it. It takes constant time and bounded memory, looks at nothing later, depends on neither the scale nor
// the origin of the values, and is used by one thread at a time.
//
// Values that valid() refuses must not be added.
#include <cmath>

#include "schemas/time.hpp"

namespace oppen::anomaly {

struct Observation {
  Time at;  // only its place in the day and the order count: it may repeat or step back
  double value = 0;
};

// Beyond it squares of differences could leave the range of their types.
inline constexpr double largest_value = 1e30;

inline bool valid(double value) { return std::fabs(value) <= largest_value; }  // false for NaN

// A score on [0, 1): 0.5 at `half`, growing with the score everywhere.
inline double to_unit(double score, double half) { return score / (score + half); }

}  // namespace oppen::anomaly
