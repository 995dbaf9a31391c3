#include "workers/anomaly/spend/workloads.hpp"

#include <algorithm>

namespace oppen::anomaly {
namespace {

std::size_t place_in(std::size_t size, std::int64_t index) {
  return static_cast<std::size_t>(index % static_cast<std::int64_t>(size));
}

}  // namespace

void Workload::advance(Slot now) {
  for (Slot slot = std::max(newest_, now - kept) + 1; slot <= now; ++slot)
    slots_[place_in(kept, slot)] = {};
  for (auto day = std::max(day_of(newest_), day_of(now) - days) + 1; day <= day_of(now); ++day)
    days_[place_in(days, day)] = {};
  newest_ = std::max(newest_, now);
}

void Workload::add(Slot slot, const Used& used) {
  if (day_of(newest_) - day_of(slot) < days) days_[place_in(days, day_of(slot))] += used;
  if (newest_ - slot < kept) slots_[place_in(kept, slot)] += used;
  last_ = std::max(last_, slot);
}

Used Workload::day(std::int64_t day) const { return days_[place_in(days, day)]; }

Used Workload::slots(Slot end, Slot count) const {
  Used sum;
  for (Slot slot = end - count; slot < end; ++slot) sum += slots_[place_in(kept, slot)];
  return sum;
}

}  // namespace oppen::anomaly
