#include "scheduler/plan/decide.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "scheduler/plan/room.hpp"

namespace oppen::plan {

std::int64_t amount_of(const Amounts& amounts, const std::string& resource) {
  if (resource == "pods") return amounts.pods;
  if (resource == "gpus") return amounts.gpus;
  if (resource == "cpu_millicores") return amounts.cpu_millicores;
  if (resource == "memory_bytes") return amounts.memory_bytes;
  return 0;
}

bool applies(const Quota& quota, Priority priority) {
  return quota.scope_priority_class.empty() || quota.scope_priority_class == to_string(priority);
}

// The API server charges a pod for a moment longer than it runs, and would refuse a launch until it has
// noticed the end.
std::int64_t taken(const Quota& quota, const std::string& resource, const Capacity& capacity) {
  std::int64_t counted = 0;
  for (const auto priority : all_priorities) {
    if (applies(quota, priority))
      counted += amount_of(capacity.ours[static_cast<std::size_t>(priority)], resource);
  }
  for (const auto& [priority_class, amounts] : capacity.foreign) {
    if (quota.scope_priority_class.empty() || quota.scope_priority_class == priority_class) {
      counted += amount_of(amounts, resource);
    }
  }
  const auto used = quota.used.find(resource);
  return used == quota.used.end() ? counted : std::max(counted, used->second);
}

std::int64_t Capacity::taken_slots() const {
  std::int64_t taken = strays;
  for (const auto& part : ours) taken += part.pods;
  return taken;
}

Reason reason_of(const Block& block) {
  Reason reason;
  if (block.reason == Block::Reason::quota) reason.kind = Reason::Kind::quota;
  reason.slots = block.slots;
  reason.taken = block.taken;
  reason.quota = block.quota;
  reason.resource = block.resource;
  reason.need = block.need;
  reason.free = block.free;
  reason.allowed = block.allowed;
  return reason;
}

namespace {

Block block_of(const Quota& quota, const std::string& resource, std::int64_t need,
               std::int64_t free, std::int64_t allowed) {
  Block block{Block::Reason::quota, 0, 0, quota.name, resource, need, free, allowed, ""};
  block.sentence = reason_of(block).sentence();
  return block;
}

}  // namespace

std::optional<Block> too_large(const Amounts& amounts, Priority priority,
                               const std::vector<Quota>& quotas) {
  for (const auto& quota : quotas) {
    if (!applies(quota, priority)) continue;
    for (const auto& [resource, hard] : quota.hard) {
      if (const auto need = amount_of(amounts, resource); need > hard)
        return block_of(quota, resource, need, 0, hard);
    }
  }
  return std::nullopt;
}

std::optional<Block> why_not(const Amounts& amounts, Priority priority, const Capacity& capacity) {
  if (auto quota = too_large(amounts, priority, capacity.quotas)) return quota;
  Block block;
  block.slots = capacity.max_concurrent_jobs;
  block.taken = capacity.taken_slots();
  if (block.taken >= block.slots) {
    block.sentence = reason_of(block).sentence();
    return block;
  }
  for (const auto& quota : capacity.quotas) {
    if (!applies(quota, priority)) continue;
    for (const auto& [resource, hard] : quota.hard) {
      const auto need = amount_of(amounts, resource);
      const auto free = std::max<std::int64_t>(0, hard - taken(quota, resource, capacity));
      if (need > free) return block_of(quota, resource, need, free, hard);
    }
  }
  return std::nullopt;
}

namespace {

constexpr const char* of_a_node[] = {"gpus", "cpu_millicores", "memory_bytes"};

// What no node has enough of, alone or together with the rest.
std::optional<std::string> no_node(const Amounts& amounts, const std::vector<Amounts>& nodes) {
  const auto holds = [&](const Amounts& node) {
    return std::all_of(std::begin(of_a_node), std::end(of_a_node), [&](const char* resource) {
      return amount_of(amounts, resource) <= amount_of(node, resource);
    });
  };
  if (nodes.empty() || std::any_of(nodes.begin(), nodes.end(), holds)) return std::nullopt;
  for (const char* resource : of_a_node) {
    std::int64_t largest = 0;
    for (const auto& node : nodes) largest = std::max(largest, amount_of(node, resource));
    if (const auto need = amount_of(amounts, resource); need > largest) {
      return fmt::format("needs {}, the largest node has {}", readable(resource, need),
                         readable(resource, largest));
    }
  }
  return fmt::format("needs {}, {} and {} together, which no node has",
                     readable("gpus", amounts.gpus),
                     readable("cpu_millicores", amounts.cpu_millicores),
                     readable("memory_bytes", amounts.memory_bytes));
}

void count_in(const WaitingJob& job, Capacity& capacity) {
  capacity.ours[static_cast<std::size_t>(job.priority)] += job.amounts;
  // What the API server has not charged yet counts on top of what it last said.
  for (auto& quota : capacity.quotas) {
    if (!applies(quota, job.priority)) continue;
    for (auto& [resource, used] : quota.used) used += amount_of(job.amounts, resource);
  }
}

std::int64_t milliseconds(Time time) { return time.time_since_epoch().count(); }

// When a job that is launched now has ended at the latest.
std::int64_t ends_by(const WaitingJob& job, Time now) {
  return job.max_runtime_seconds == 0 ? Release::never
                                      : milliseconds(now) + job.max_runtime_seconds * 1000;
}

}  // namespace

std::optional<std::string> never_fits(const Amounts& amounts, Priority priority,
                                      const std::vector<Quota>& quotas, const PodLimits& limits,
                                      const std::vector<Amounts>& nodes) {
  if (const auto quota = too_large(amounts, priority, quotas)) {
    return fmt::format("needs {}, quota {} allows {} in all",
                       readable(quota->resource, quota->need), quota->quota,
                       readable(quota->resource, quota->allowed));
  }
  const std::pair<const char*, std::optional<std::int64_t>> bounds[] = {
      {"gpus", limits.gpus},
      {"cpu_millicores", limits.cpu_millicores},
      {"memory_bytes", limits.memory_bytes}};
  for (const auto& [resource, bound] : bounds) {
    const auto need = amount_of(amounts, resource);
    if (bound && need > *bound) {
      return fmt::format("needs {}, the namespace's LimitRange allows a pod {}",
                         readable(resource, need), readable(resource, *bound));
    }
  }
  return no_node(amounts, nodes);
}

Choice decide(const std::vector<WaitingJob>& in_order, const std::vector<LiveAttempt>& live,
              Capacity capacity, Time now, bool backfill) {
  Choice choice;
  Room room(capacity);
  std::size_t next = 0;
  for (; next < in_order.size(); ++next) {
    const auto& job = in_order[next];
    if (job.held) continue;
    if (!room.fits(job.priority, job.amounts)) break;
    room.take(job.priority, job.amounts);
    count_in(job, capacity);
    choice.launch.push_back(next);
  }
  if (next == in_order.size()) return choice;
  const auto& head = in_order[next];
  choice.head = next;
  choice.block = why_not(head.amounts, head.priority, capacity);
  if (!backfill) return choice;

  std::vector<Release> releases;
  releases.reserve(live.size() + choice.launch.size());
  for (const auto& attempt : live) {
    releases.push_back(
        {milliseconds(std::max(now, attempt.ends_by)), attempt.priority, attempt.amounts});
  }
  for (const auto index : choice.launch) {
    const auto& job = in_order[index];
    releases.push_back({ends_by(job, now), job.priority, job.amounts});
  }
  Reservation reservation(room, releases, head.priority, head.amounts);
  // Strays, and what the API server charges beyond what we count (pods that have ended, as a rule), go at any moment: the head may start
  // sooner than with these. Who passes must delay it neither way.
  capacity.strays = 0;
  for (auto& quota : capacity.quotas) quota.used.clear();
  Reservation sooner(Room(capacity), releases, head.priority, head.amounts);
  if (sooner.at()) choice.reserved_at = Time(std::chrono::milliseconds(*sooner.at()));
  const auto admits = [&](const WaitingJob& job) {
    auto tried = sooner;
    if (!tried.admit(job.priority, job.amounts, ends_by(job, now)) ||
        !reservation.admit(job.priority, job.amounts, ends_by(job, now)))
      return false;
    sooner = tried;
    return true;
  };
  std::size_t passed_over = 0;
  while (++next < in_order.size() && passed_over < backfill_candidates) {
    const auto& job = in_order[next];
    if (job.held) continue;
    if (room.fits(job.priority, job.amounts) && admits(job)) {
      room.take(job.priority, job.amounts);
      choice.launch.push_back(next);
    } else {
      ++passed_over;
    }
  }
  return choice;
}

Decision decide(const std::vector<WaitingJob>& in_order, Capacity capacity) {
  auto choice = decide(in_order, {}, std::move(capacity), {}, false);
  return {choice.launch.size(), std::move(choice.block)};
}

}  // namespace oppen::plan
