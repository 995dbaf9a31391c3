#include "workers/anomaly/spend/note_book.hpp"

#include <algorithm>

namespace oppen::anomaly {
namespace {

constexpr float usual_rate = 1.0F / 168;  // of an hour: a week

std::size_t of_hour(std::int64_t hour) { return static_cast<std::size_t>(hour % NoteBook::hours); }

}  // namespace

void NoteBook::advance(std::int64_t hour) {
  for (; newest_ < hour; ++newest_) {
    Counts& leaving = counts_[of_hour(newest_ + 1)];
    for (std::size_t kind = 0; kind < note_kinds; ++kind)
      usual_[kind] += usual_rate * (static_cast<float>(leaving[kind]) - usual_[kind]);
    leaving = {};
  }
}

void NoteBook::add(std::int64_t hour, NoteKind kind) {
  if (newest_ - hour >= hours) return;
  auto& count = counts_[of_hour(hour)][static_cast<std::size_t>(kind)];
  if (count < UINT16_MAX) ++count;
}

Seen NoteBook::since(std::int64_t from) const {
  std::array<double, note_kinds> seen{};
  from = std::max(from, newest_ - hours + 1);
  for (std::size_t kind = 0; kind < note_kinds; ++kind) {
    for (auto hour = from; hour <= newest_; ++hour) seen[kind] += counts_[of_hour(hour)][kind];
    seen[kind] -= static_cast<double>(usual_[kind]) * static_cast<double>(newest_ - from + 1);
    seen[kind] = std::max(0.0, seen[kind]);
  }
  const auto of = [&](NoteKind kind) { return seen[static_cast<std::size_t>(kind)]; };
  return {of(NoteKind::started), of(NoteKind::requeued), of(NoteKind::failed),
          of(NoteKind::gpu_fault), of(NoteKind::price_change) > 0.5};
}

}  // namespace oppen::anomaly
