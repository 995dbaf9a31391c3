#include "scheduler/plan/decide.hpp"

#include <fmt/format.h>

#include <algorithm>

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

namespace {

// "2 gpus", "1 gpu", "1500m cpu", "2Gi memory"
std::string readable(const std::string& resource, std::int64_t amount) {
  if (resource == "cpu_millicores") return format_millicores(amount) + " cpu";
  if (resource == "memory_bytes") return format_bytes(amount) + " memory";
  return fmt::format("{} {}", amount,
                     amount == 1 ? resource.substr(0, resource.size() - 1) : resource);
}

// What is taken of a quota: as we count it, or as the API server last said, whichever is more. It
// charges a pod for a moment longer than the pod runs, and would refuse a launch until it has
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

}  // namespace

Amounts Capacity::ours_total() const {
  Amounts total;
  for (const auto& part : ours) total += part;
  return total;
}

std::optional<Block> why_not(const Amounts& amounts, Priority priority, const Capacity& capacity) {
  const auto slots = capacity.ours_total().pods;
  if (slots >= capacity.max_concurrent_jobs) {
    return Block{
        Block::Reason::waiting_for_slot,
        "",
        "slots",
        1,
        0,
        fmt::format("waits for a free slot ({} of {} taken)", slots, capacity.max_concurrent_jobs)};
  }
  for (const auto& quota : capacity.quotas) {
    if (!applies(quota, priority)) continue;
    for (const auto& [resource, hard] : quota.hard) {
      const auto need = amount_of(amounts, resource);
      const auto free = std::max<std::int64_t>(0, hard - taken(quota, resource, capacity));
      if (need <= free || need == 0) continue;
      return Block{Block::Reason::quota,
                   quota.name,
                   resource,
                   need,
                   free,
                   fmt::format("waits for quota {}: needs {}, {} free", quota.name,
                               readable(resource, need), readable(resource, free))};
    }
  }
  return std::nullopt;
}

std::optional<std::string> never_fits(const Amounts& amounts, Priority priority,
                                      const std::vector<Quota>& quotas, const PodLimits& limits) {
  for (const auto& quota : quotas) {
    if (!applies(quota, priority)) continue;
    for (const auto& [resource, hard] : quota.hard) {
      const auto need = amount_of(amounts, resource);
      if (need > hard) {
        return fmt::format("needs {}, quota {} allows {} in all", readable(resource, need),
                           quota.name, readable(resource, hard));
      }
    }
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
  return std::nullopt;
}

Decision decide(const std::vector<WaitingJob>& in_order, Capacity capacity) {
  Decision decision;
  for (const auto& job : in_order) {
    decision.block = why_not(job.amounts, job.priority, capacity);
    if (decision.block) break;
    auto& ours = capacity.ours[static_cast<std::size_t>(job.priority)];
    ours += job.amounts;
    // What the API server has not charged yet counts on top of what it last said.
    for (auto& quota : capacity.quotas) {
      if (!applies(quota, job.priority)) continue;
      for (auto& [resource, used] : quota.used) used += amount_of(job.amounts, resource);
    }
    ++decision.launch;
  }
  return decision;
}

}  // namespace oppen::plan
