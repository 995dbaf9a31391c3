#include "workers/anomaly/detect/rarity.hpp"

#include <algorithm>
#include <cmath>

namespace oppen::anomaly {
namespace {

constexpr double lowest = 0.05;  // a score below it is nothing new
constexpr double levels_a_decade = 20;
constexpr int silent = 50;     // values
constexpr double full = 1000;  // values
constexpr double power = 0.3;
constexpr std::uint32_t tick = 16;     // values
constexpr std::uint8_t longest = 250;  // ticks

}  // namespace

double Rarity::add(double score) {
  ++now_;
  const auto ticks = static_cast<std::uint8_t>(now_ / tick);
  if (now_ % tick == 0) {
    for (auto& last : last_) {
      if (static_cast<std::uint8_t>(ticks - last) > longest)
        last = static_cast<std::uint8_t>(ticks - longest);
    }
  }
  if (!(score >= lowest)) return 0;
  const auto level =
      std::min(levels - 1, static_cast<std::size_t>(std::log10(score / lowest) * levels_a_decade));
  // As if it had been in the middle of its tick.
  const int age = static_cast<std::uint8_t>(ticks - last_[level]) * static_cast<int>(tick) +
                  static_cast<int>(now_ % tick) - static_cast<int>(tick / 2);
  std::fill_n(last_.begin(), level + 1, ticks);
  if (age <= silent) return 0;
  return score * std::pow(age / full, power);
}

}  // namespace oppen::anomaly
