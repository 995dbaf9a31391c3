#include "workers/cost/report/intervals.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numbers>
#include <numeric>

namespace oppen::cost {
namespace {

// 97.5 % of the standard normal distribution.
constexpr double z975 = 1.959963984540054;

// 97.5 % of Student's distribution. Up to 10 degrees from the tables; above by the expansion 26.7.5 of M. Abramowitz, I. Stegun,
// Handbook of Mathematical Functions, which then errs in the fourth decimal.
double t975(std::size_t degrees) {
  constexpr double table[] = {12.7062, 4.3027, 3.1824, 2.7764, 2.5706,
                              2.4469,  2.3646, 2.3060, 2.2622, 2.2281};
  if (degrees <= std::size(table)) return table[degrees - 1];
  const auto v = static_cast<double>(degrees);
  constexpr double z = z975;
  constexpr double z3 = z * z * z;
  constexpr double z5 = z3 * z * z;
  return z + (z3 + z) / (4 * v) + (5 * z5 + 16 * z3 + 3 * z) / (96 * v * v);
}

// The part of the standard normal distribution above z.
double above(double z) { return 0.5 * std::erfc(z / std::numbers::sqrt2); }

constexpr double tail = (1 - interval_percent / 100.0) / 2;

}  // namespace

double students_excess(std::size_t degrees) { return t975(degrees) / z975; }

Interval left_by_epochs(std::span<const double> epoch_seconds, int left, double age) {
  const auto n = static_cast<double>(epoch_seconds.size());
  const double mean = std::accumulate(epoch_seconds.begin(), epoch_seconds.end(), 0.0) / n;
  double squares = 0;
  for (const double one : epoch_seconds) squares += (one - mean) * (one - mean);
  const double deviation = std::sqrt(squares / (n - 1));
  const double m = left;
  const double half = t975(epoch_seconds.size() - 1) * deviation * std::sqrt(m + m * m / n);
  const double oldest = std::clamp(age, 0.0, mean);
  return {std::max(0.0, m * mean - oldest - half), std::max(0.0, m * mean - oldest / 2),
          m * mean + half};
}

Interval left_by_duration(const plan::LogNormal& duration, double elapsed) {
  constexpr double strangers = 0.05;
  constexpr double strangers_spread = 2;
  // So far beyond all that is known the distribution says nothing; what it says at eight deviations is taken.
  constexpr double farthest = 8;
  constexpr double reach = 40;
  const double spread = std::hypot(duration.spread, duration.doubt);
  const double wide = std::hypot(spread, strangers_spread);
  // The part of runs that last longer; `off`: the logarithm of the time over p50.
  const auto lasting = [&](double off) {
    return (1 - strangers) * above(off / spread) + strangers * above(off / wide);
  };
  const double mark =
      elapsed <= 0 ? -reach
                   : std::clamp(std::log(elapsed / duration.p50_seconds), -reach, farthest * wide);
  const double ran = std::max(elapsed, 0.0);
  const double scale = mark > -reach && ran > 0 ? ran * std::exp(-mark) : duration.p50_seconds;
  const double still = lasting(mark);
  const auto left = [&](double part) {
    double low = mark;
    double high = mark + 2 * reach;
    for (int i = 0; i < 60; ++i) {
      const double middle = (low + high) / 2;
      (lasting(middle) > part * still ? low : high) = middle;
    }
    return std::max(0.0, scale * std::exp(high) - ran);
  };
  return {left(1 - tail), left(0.5), left(tail)};
}

Interval left_by_pace(const Interval& alike, int done, int left, double spread) {
  const double reach = z975 * spread * std::sqrt(1.0 / std::max(1, done) + 1.0 / std::max(1, left));
  return {alike.low * std::exp(-reach), alike.expected, alike.high * std::exp(reach)};
}

}  // namespace oppen::cost
