#pragma once
// Draws from log-normal durations that depend on nothing but their arguments. Internal to this folder; pure,
// any thread.
#include <cstdint>

#include "scheduler/plan/log_normal.hpp"

namespace oppen::plan {

inline constexpr double z90 =
    1.2815515655446004;  // nine tenths of the standard normal distribution

// A part between 0 and 1 for job `index` on path `path`: as if drawn at random, and independent of all
// others.
double random_part(std::uint32_t index, std::uint32_t path);
// The same, spread evenly over each run of neighbouring indices.
double even_part(std::uint32_t index);

// The z below which this part of the standard normal distribution lies; from -3.3 to 3.3.
double z_of(double part);

// The duration below which this part of all lie.
double duration(const LogNormal& of, double part, double y);
// What is left after `elapsed` seconds, of those durations that are longer.
double remaining(const LogNormal& of, double elapsed, double part, double y);

}  // namespace oppen::plan
