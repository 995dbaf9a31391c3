#include "workers/anomaly/detect/novelty.hpp"

#include <algorithm>

namespace oppen::anomaly {
namespace {

constexpr std::size_t short_window = 24, long_window = RecentRange::most;
constexpr double slow_rate = 0.02;
constexpr std::uint32_t slow_from = 51;  // values: before that the slow mean is not slow
// A residual's standard deviation is smaller than the value's: so many of them mean less.
constexpr double residual_weight = 0.63;

enum View : std::size_t { itself, short_range, long_range, level, residual };
static_assert(residual + 1 == NoveltyMemory::views);

}  // namespace

double Novelty::add(const Observation& observation) {
  const double value = observation.value;
  recent_.add(value, count_);
  const auto number = count_++;
  slow_mean_ += std::max(slow_rate, 1.0 / count_) * (value - slow_mean_);

  const auto distance = [&](View view, double of) { return banks_[view].add(of, memory_, view); };
  double farthest = distance(itself, value);
  farthest = std::max(farthest, distance(short_range, recent_.of(number, short_window)));
  farthest = std::max(farthest, distance(long_range, recent_.of(number, long_window)));
  if (count_ >= slow_from) farthest = std::max(farthest, distance(level, slow_mean_));
  if (const auto expected = profile_.add(observation))
    farthest = std::max(farthest, residual_weight * distance(residual, value - *expected));
  return rarity_.add(farthest);
}

}  // namespace oppen::anomaly
