#include "workers/anomaly/detect/novelty_bank.hpp"

#include <algorithm>
#include <cmath>

namespace oppen::anomaly {
namespace {

constexpr std::uint32_t first_values = 21;  // values before the spread says anything
constexpr double stands_for = 0.16;  // standard deviations within which a value stands for another
constexpr double least_rate = 0.0002;          // of the spread
constexpr std::uint32_t uses_halve_in = 6931;  // values; by 0.0001 each
// Standard deviations: beyond them the grid of what is remembered is coarser than about its origin.
constexpr double farthest_origin = 8;

}  // namespace

double NoveltyBank::add(double value, NoveltyMemory& memory, std::size_t view) {
  if (count_ == 0) origin_ = value;
  const bool is_known = count_ >= first_values;
  const auto known = memory.of(view);
  Remembered* nearest = nullptr;
  double distance = 0;
  if (is_known && !known.empty()) {
    if (deviation_ > 0) {
      const double units = (value - origin_) / unit_;
      const auto place = Remembered::place_of(units);
      // The nearest on either side.
      Remembered* below = nullptr;
      Remembered* above = nullptr;
      for (Remembered& one : known) {
        if (one.place() <= place) {
          if (below == nullptr || one.place() > below->place()) below = &one;
        } else if (above == nullptr || one.place() < above->place()) {
          above = &one;
        }
      }
      if (below != nullptr && below->place() == place) {
        nearest = below;
      } else {
        const double under = below == nullptr ? HUGE_VAL : std::fabs(units - below->units());
        const double over = above == nullptr ? HUGE_VAL : std::fabs(units - above->units());
        nearest = under <= over ? below : above;
        distance = std::min(farthest, std::min(under, over) * unit_ / deviation_);
      }
    } else {
      nearest = &known.front();
      distance = value == origin_ + double{mean_} ? 0 : farthest;
    }
  }
  learn(value);
  fit(known);
  if (!is_known) return 0;
  if (nearest == nullptr || distance > stands_for)
    memory.remember(view, Remembered(unit_ > 0 ? (value - origin_) / unit_ : 0));
  else
    nearest->count_use(count_);
  return distance;
}

void NoveltyBank::learn(double value) {
  ++count_;
  const double rate = std::max(least_rate, 1.0 / count_);
  const double difference = value - origin_ - double{mean_};
  mean_ = static_cast<float>(double{mean_} + rate * difference);
  const double variance = double{deviation_} * deviation_;
  deviation_ =
      static_cast<float>(std::sqrt((1 - rate) * (variance + rate * difference * difference)));
}

// Keeps the grid about where the stream is and as fine as its spread, and lets uses of long ago count less.
void NoveltyBank::fit(std::span<Remembered> known) {
  if (count_ % uses_halve_in == 0)
    for (Remembered& one : known) one.halve_uses();
  if (deviation_ <= 0) return;
  const bool has_unit = deviation_ < 2 * unit_ && 2 * deviation_ >= unit_;
  if (has_unit && std::fabs(mean_) <= farthest_origin * deviation_) return;
  for (Remembered& one : known)
    one.move_to((one.units() * double{unit_} - double{mean_}) / double{deviation_});
  origin_ += double{mean_};
  mean_ = 0;
  unit_ = deviation_;
}

}  // namespace oppen::anomaly
