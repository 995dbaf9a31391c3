#include "workers/anomaly/spend/series.hpp"

#include <algorithm>

namespace oppen::anomaly {
namespace {

constexpr Slot slots_an_hour = 12;
constexpr double shape_rate = 1.0 / 7;  // of a new day
// The hours of the whole are taken to be alike as if that had been seen on so many days; those of a part of it, to be like the whole's.
constexpr double flat_days = 1, like_whole_days = 14;

template <std::size_t size>
std::size_t ring(std::int64_t index) {
  return static_cast<std::size_t>(index % static_cast<std::int64_t>(size));
}

}  // namespace

void Series::advance(Slot now) {
  if (now - newest_ > days * slots_a_day) {  // nothing of it is left
    Series fresh(now);
    fresh.bar = bar;
    fresh.last_ = last_;
    *this = fresh;
  }
  while (newest_ < now) {
    ++newest_;
    slot_sums_[ring<slots>(newest_)] = 0;
    if (newest_ % slots_a_day == 0) {
      day_sums_[ring<days>(day_of(newest_))] = 0;
      left_out_ &= ~(std::uint64_t{1} << ring<days>(day_of(newest_)));
    }
    learn(newest_ - final_after);
  }
}

void Series::learn(Slot slot) {
  const auto day = day_of(slot);
  if (slot % slots_a_day == 0)
    for (auto& peaks : peaks_) peaks[ring<peak_days + 1>(day)] = 0;
  if (!learns) return;
  for (std::size_t i = 0; i < window_slots.size(); ++i) {
    float& peak = peaks_[i][ring<peak_days + 1>(day)];
    peak = std::max(peak, static_cast<float>(slots_sum(slot + 1, window_slots[i])));
  }
  if (slot % slots_an_hour != slots_an_hour - 1) return;
  const auto hour = static_cast<std::size_t>(slot % slots_a_day / slots_an_hour);
  if (shape_days_[hour] < 255) ++shape_days_[hour];
  const double rate = std::max(shape_rate, 1.0 / shape_days_[hour]);
  const auto spent = static_cast<double>(slots_sum(slot + 1, slots_an_hour));
  shape_[hour] += static_cast<float>(rate * (spent - static_cast<double>(shape_[hour])));
}

void Series::add(Slot slot, std::int64_t microusd) {
  day_sums_[ring<days>(day_of(slot))] += microusd;
  if (newest_ - slot < slots) slot_sums_[ring<slots>(slot)] += microusd;
  last_ = std::max(last_, slot);
}

void Series::leave_out(std::int64_t day) { left_out_ |= std::uint64_t{1} << ring<days>(day); }

bool Series::left_out(std::int64_t day) const { return (left_out_ >> ring<days>(day) & 1) != 0; }

std::int64_t Series::day_sum(std::int64_t day) const { return day_sums_[ring<days>(day)]; }

std::int64_t Series::slots_sum(Slot end, Slot count) const {
  std::int64_t sum = 0;
  for (Slot slot = end - count; slot < end; ++slot) sum += slot_sums_[ring<slots>(slot)];
  return sum;
}

double Series::usual_part(Slot from, Slot end, const Series* whole) const {
  double all = 0;
  for (const float hour : shape_) all += std::max(0.0, static_cast<double>(hour));
  const double seen = all > 0 ? *std::min_element(shape_days_.begin(), shape_days_.end()) : 0;
  const double unseen = whole != nullptr ? whole->usual_part(from, end, nullptr)
                                         : static_cast<double>(end - from) / slots_a_day;
  double part = 0;
  for (Slot slot = from; seen > 0 && slot < end;) {
    const Slot next = std::min(end, (slot / slots_an_hour + 1) * slots_an_hour);
    const auto hour = static_cast<std::size_t>(slot % slots_a_day / slots_an_hour);
    part += std::max(0.0, static_cast<double>(shape_[hour])) / all *
            static_cast<double>(next - slot) / slots_an_hour;
    slot = next;
  }
  const double prior = whole != nullptr ? like_whole_days : flat_days;
  return (seen * part + prior * unseen) / (seen + prior);
}

double Series::peak(Window window, std::int64_t day) const {
  float most = 0;
  for (std::int64_t before = 0; before <= peak_days; ++before)
    most = std::max(most, peaks_[window][ring<peak_days + 1>(day - before)]);
  return most;
}

}  // namespace oppen::anomaly
