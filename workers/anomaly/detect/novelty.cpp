#include "workers/anomaly/detect/novelty.hpp"

#include <algorithm>

namespace oppen::anomaly {
namespace {

constexpr std::size_t short_window = 24;
constexpr double slow_rate = 0.02;
constexpr std::uint64_t slow_from = 51;  // values: before that the slow mean is not slow
// A residual's standard deviation is smaller than the value's: so many of them mean less.
constexpr double residual_weight = 0.63;

}  // namespace

double Novelty::add(const Observation& observation) {
  last_[count_ % window] = observation.value;
  ++count_;
  slow_mean_ +=
      std::max(slow_rate, 1 / static_cast<double>(count_)) * (observation.value - slow_mean_);

  double farthest = value_.add(observation.value);
  farthest = std::max(farthest, short_range_.add(range(short_window)));
  farthest = std::max(farthest, long_range_.add(range(window)));
  if (count_ >= slow_from) farthest = std::max(farthest, level_.add(slow_mean_));
  if (const auto expected = profile_.add(observation))
    farthest = std::max(farthest, residual_weight * residual_.add(observation.value - *expected));
  return rarity_.add(farthest);
}

// Of so many of the last values, or of all there are.
double Novelty::range(std::size_t values) const {
  const auto count = std::min<std::uint64_t>(values, count_);
  double low = last_[(count_ - 1) % window], high = low;
  for (std::uint64_t i = 2; i <= count; ++i) {
    const double value = last_[(count_ - i) % window];
    low = std::min(low, value);
    high = std::max(high, value);
  }
  return high - low;
}

std::size_t Novelty::bytes() const {
  std::size_t bytes = sizeof *this;
  for (const NoveltyBank* bank : {&value_, &short_range_, &long_range_, &level_, &residual_})
    bytes += bank->heap_bytes();
  return bytes;
}

}  // namespace oppen::anomaly
