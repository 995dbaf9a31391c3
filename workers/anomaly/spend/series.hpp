#pragma once
// What one series spent: exact sums of the last 35 days and of the last four hours by five minutes; the usual shape of its day; and the most
// that it spent in 20 minutes, an hour and three hours, by day. Dollars only where it says so; one thread.
#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "schemas/time.hpp"

namespace oppen::anomaly {

using Slot = std::int64_t;  // five minutes of UTC, counted from 1970 on
inline constexpr std::chrono::minutes slot_length{5};
inline constexpr Slot slots_a_day = 288;

inline Slot slot_of(Time time) {
  return std::chrono::floor<std::chrono::minutes>(time).time_since_epoch() / slot_length;
}
inline std::int64_t day_of(Slot slot) { return slot / slots_a_day; }

// The lengths over which the present rate is taken, in slots.
inline constexpr std::array<Slot, 3> window_slots{4, 12, 36};
enum Window : std::uint8_t { minutes_20, hour_1, hours_3 };

class Series {
 public:
  static constexpr std::string_view state_name = "spend-series.1";
  static constexpr std::int64_t days = 35;
  static constexpr std::int64_t peak_days = 14;

  Series() = default;
  explicit Series(Slot now) : newest_(now), last_(now) {}

  // Slots up to `now` have begun. What is an hour old is learnt from: the shape and the peaks are of charges that come within it.
  void advance(Slot now);
  // `slot` has begun and its day is one of the last 35.
  void add(Slot slot, std::int64_t microusd);

  std::int64_t day_sum(std::int64_t day) const;
  // Of the `count` slots before `end`, which is the newest one at the latest; of the last 47 slots.
  std::int64_t slots_sum(Slot end, Slot count) const;
  // The part of a day's spending that usually falls into these slots; as that of the `whole` as long as little is known.
  double usual_part(Slot from, Slot end, const Series* whole) const;
  // The most in a window of that length, on any of the 14 days before `day` or on it as far as it is learnt from.
  double peak(Window window, std::int64_t day) const;
  Slot last_spent() const { return last_; }

  // A day that is no baseline: it was told of.
  void leave_out(std::int64_t day);
  bool left_out(std::int64_t day) const;

  // False while what is spent is unusual, or planned: nothing is learnt then.
  bool learns = true;
  float bar = 1;   // how many times the usual bounds it takes
  Slot told = 0;   // since when; 0: it is not
  Slot ended = 0;  // when it was well again, for those told before

  template <class Archive>
  void state(Archive& archive) {
    archive(newest_, last_, day_sums_, left_out_, slot_sums_, shape_, shape_days_, peaks_, learns,
            bar, told, ended);
  }

 private:
  static constexpr Slot slots = 48;
  static constexpr Slot final_after = 12;
  void learn(Slot slot);

  Slot newest_ = 0;
  Slot last_ = 0;
  std::array<std::int64_t, days> day_sums_{};
  std::uint64_t left_out_ = 0;  // bits, as the days lie in day_sums_
  std::array<std::int64_t, slots> slot_sums_{};
  std::array<float, 24> shape_{};              // by hour, exponentially weighted means
  std::array<std::uint8_t, 24> shape_days_{};  // learnt from, to 255
  std::array<std::array<float, peak_days + 1>, window_slots.size()> peaks_{};
};

}  // namespace oppen::anomaly
