#include "workers/anomaly/detect/rarity.hpp"

#include <algorithm>
#include <cmath>

namespace oppen::anomaly {
namespace {

constexpr double lowest = 0.05;  // a score below it is nothing new
constexpr double levels_a_decade = 20;
constexpr std::uint32_t silent = 50;     // values
constexpr std::uint32_t longest = 4000;  // values
constexpr double full = 1000;            // values
constexpr double power = 0.3;

}  // namespace

double Rarity::add(double score) {
  ++now_;
  if (!(score >= lowest)) return 0;
  const auto level =
      std::min(levels - 1, static_cast<std::size_t>(std::log10(score / lowest) * levels_a_decade));
  const std::uint32_t age = now_ - last_[level];
  std::fill_n(last_.begin(), level + 1, now_);
  if (age <= silent) return 0;
  return score * std::pow(std::min(age, longest) / full, power);
}

}  // namespace oppen::anomaly
