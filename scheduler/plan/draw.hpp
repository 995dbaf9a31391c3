#pragma once
// Draws from log-normal durations that depend on nothing but their arguments. Internal to this folder; pure,
// any thread.
#include <cstdint>

namespace oppen::plan {

inline constexpr double z90 =
    1.2815515655446004;  // nine tenths of the standard normal distribution

// A duration in seconds: ln(seconds) = ln(p50) + spread z + doubt y.
struct LogNormal {
  double p50_seconds = 0;
  double spread = 0;
  double doubt = 0;
};

// The z of job `index` on path `path`: as if drawn at random, and independent of all others.
double random_z(std::uint32_t index, std::uint32_t path);
// The same, spread evenly over each run of neighbouring indices.
double even_z(std::uint32_t index);
// The middle of the part-th of `parts` equally likely ranges, part from 0.
double stratum_z(int part, int parts);

double duration(const LogNormal& of, double z, double y);
// What is left after `elapsed` seconds, with the same z taken as the quantile of the durations that are
// longer than these.
double remaining(const LogNormal& of, double elapsed, double z, double y);

}  // namespace oppen::plan
