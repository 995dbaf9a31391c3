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

}  // namespace

double random_z(std::uint32_t index, std::uint32_t path) {
  return table()[mixed(std::uint64_t{path} << 32 | index) >> 54];
}

double even_z(std::uint32_t index) {
  constexpr std::uint32_t golden = 2654435769;  // 2^32 / 1.618...
  return table()[((index + 1) * golden) >> 22];
}

double stratum_z(int part, int parts) { return quantile((part + 0.5) / parts); }

double duration(const LogNormal& of, double z, double y) {
  const double exponent = of.spread * z + of.doubt * y;
  return exponent == 0 ? of.p50_seconds : of.p50_seconds * std::exp(exponent);
}

double remaining(const LogNormal& of, double elapsed, double z, double y) {
  const double centre = of.p50_seconds * std::exp(of.doubt * y);
  if (elapsed <= 0 || of.spread <= 0 || centre <= 0)
    return std::max(0.0, duration(of, z, y) - std::max(0.0, elapsed));
  const double reached = std::log(elapsed / centre) / of.spread;
  const double past = below(reached);
  const double part = below(z);
  // Far out, what is left falls off nearly exponentially, with mean elapsed x spread / reached.
  if (reached > 4) return -std::log1p(-part) * elapsed * of.spread / reached;
  return std::max(0.0, centre * std::exp(of.spread * quantile(past + (1 - past) * part)) - elapsed);
}

}  // namespace oppen::plan
