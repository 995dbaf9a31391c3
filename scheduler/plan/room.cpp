#include "scheduler/plan/room.hpp"

#include <algorithm>

namespace oppen::plan {
namespace {

constexpr std::int64_t unbounded = std::int64_t{1} << 60;

std::int64_t* part(Amounts& amounts, const std::string& resource) {
  if (resource == "pods") return &amounts.pods;
  if (resource == "gpus") return &amounts.gpus;
  if (resource == "cpu_millicores") return &amounts.cpu_millicores;
  if (resource == "memory_bytes") return &amounts.memory_bytes;
  return nullptr;
}

}  // namespace

Room::Room(const Capacity& capacity) {
  free_.fill({unbounded, unbounded, unbounded, unbounded});
  free_[0].pods = capacity.max_concurrent_jobs - capacity.taken_slots();
  for (const auto& quota : capacity.quotas) {
    for (const auto& [resource, hard] : quota.hard) {
      const auto narrow = [&, resource = resource,
                           left = hard - taken(quota, resource, capacity)](std::size_t scope) {
        if (auto* free = part(free_[scope], resource)) *free = std::min(*free, left);
      };
      if (quota.scope_priority_class.empty()) {
        narrow(0);
        continue;
      }
      for (const auto priority : all_priorities) {
        if (applies(quota, priority)) narrow(scope_of(priority));
      }
    }
  }
}

Reservation::Reservation(Room room, std::vector<Release>& releases, Priority priority,
                         const Amounts& amounts)
    : left_(room) {
  const auto later = [](const Release& a, const Release& b) { return a.at > b.at; };
  std::make_heap(releases.begin(), releases.end(), later);
  auto end = releases.end();
  const auto next_gives = [&] {
    if (end == releases.begin() || releases.front().at == Release::never) return false;
    // All that end at the same instant, together.
    return !left_.fits(priority, amounts) || releases.front().at == at_;
  };
  while (next_gives()) {
    std::pop_heap(releases.begin(), end, later);
    --end;
    at_ = end->at;
    left_.give(end->priority, end->amounts);
  }
  if (!left_.fits(priority, amounts)) {
    at_.reset();
    left_ = room;
  }
  left_.take(priority, amounts);
}

bool Reservation::admit(Priority priority, const Amounts& amounts, std::int64_t ends_by) {
  if (at_ && ends_by <= *at_) return true;
  if (!left_.fits(priority, amounts)) return false;
  left_.take(priority, amounts);
  return true;
}

}  // namespace oppen::plan
