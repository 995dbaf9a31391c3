#include "scheduler/plan/draw.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace oppen::plan {
namespace {

constexpr std::uint32_t slots = 1024;

double below(double z) { return std::erfc(-z / std::numbers::sqrt2) / 2; }

double quantile(double part) {
  double low = -9;
  double high = 9;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (below(middle) < part ? low : high) = middle;
  }
  return low;
}

// The middles of equally likely ranges.
const std::array<double, slots>& table() {
  static const auto made = [] {
    std::array<double, slots> z{};
    for (std::uint32_t i = 0; i < slots; ++i) z[i] = quantile((i + 0.5) / slots);
    return z;
  }();
  return made;
}

// The finalizer of SplitMix64 (G. Steele, D. Lea, C. Flood, OOPSLA 2014).
std::uint64_t mixed(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

// Of the middle of one of the table's ranges.
double middle(std::uint64_t slot) { return (static_cast<double>(slot) + 0.5) / slots; }

}  // namespace

double random_part(std::uint32_t index, std::uint32_t path) {
  return middle(mixed(std::uint64_t{path} << 32 | index) >> 54);
}

double even_part(std::uint32_t index) {
  constexpr std::uint32_t golden = 2654435769;  // 2^32 / 1.618...
  return middle(((index + 1) * golden) >> 22);
}

double z_of(double part) {
  const double place = std::clamp(part * slots - 0.5, 0.0, slots - 1.001);
  const auto slot = static_cast<std::size_t>(place);
  const auto& z = table();
  return z[slot] + (place - static_cast<double>(slot)) * (z[slot + 1] - z[slot]);
}

double duration(const LogNormal& of, double part, double y) {
  if (of.spread == 0 && of.doubt == 0) return of.p50_seconds;
  return of.p50_seconds * std::exp(of.spread * z_of(part) + of.doubt * y);
}

double remaining(const LogNormal& of, double elapsed, double part, double y) {
  const double centre = of.p50_seconds * std::exp(of.doubt * y);
  if (elapsed <= 0 || of.spread <= 0 || centre <= 0)
    return std::max(0.0, duration(of, part, y) - std::max(0.0, elapsed));
  const double reached = std::log(elapsed / centre) / of.spread;
  if (reached > 2.5) {
    // So far out, what is left falls off nearly exponentially, at the rate of the normal distribution's
    // hazard, for which there is a bound that is close (Z. Birnbaum, Annals of Mathematical Statistics 13,
    // 1942).
    const double hazard = (reached + std::sqrt(reached * reached + 4)) / 2;
    return -std::log1p(-part) * elapsed * of.spread / hazard;
  }
  const double past = below(reached);
  const double whole = centre * std::exp(of.spread * z_of(past + (1 - past) * part));
  return std::max(0.0, whole - elapsed);
}

}  // namespace oppen::plan
