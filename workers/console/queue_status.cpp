#include "workers/console/queue_status.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "schemas/control.hpp"
#include "schemas/parse.hpp"

namespace oppen::console {
namespace {

using nlohmann::json;

std::int64_t count_of(const queue::Counters& counters, JobState state) {
  const auto found = counters.jobs.find(state);
  return found == counters.jobs.end() ? 0 : found->second;
}

}  // namespace

Result<plan::Policy> policy_in_force(const json& published) {
  std::map<std::string, std::string> config_map;
  if (const auto found = published.find("scheduling_policies"); found != published.end()) {
    for (const auto& [key, value] : found->items()) {
      config_map[key] = value.is_string() ? value.get<std::string>() : value.dump();
    }
  }
  if (const auto found = published.find("overrides"); found != published.end()) {
    for (const auto& override : *found) {
      const auto change = parse_data<PolicyOverride>(override);
      if (change && plan::is_policy_key(change->key)) config_map[change->key] = change->value;
    }
  }
  auto policy = plan::parse_policy(config_map);
  if (!policy) {
    return fail(ErrorKind::fatal,
                "the policies in force can't be read (is the console older than the scheduler?): " +
                    sentences(policy.error()));
  }
  return *policy;
}

double next_end_seconds(const std::vector<queue::JobRecord>& live, Time now) {
  double next = std::numeric_limits<double>::max();
  for (const auto& record : live) {
    const double ran = record.started_at ? Seconds(now - *record.started_at).count() : 0;
    next = std::min(next, std::max(0.0, record.estimated_seconds - ran));
  }
  return live.empty() ? 0 : next;
}

json queue_status(const queue::Counters& counters, const plan::Policy& policy,
                  const std::vector<queue::JobRecord>& live, const json& leader, Time now) {
  json queued = {{"total", counters.queued_total()}};
  double pending_seconds = 0;
  MicroUsd pending_cost;
  for (const Priority priority : all_priorities) {
    const auto index = static_cast<std::size_t>(priority);
    queued[std::string(to_string(priority))] = counters.queued[index];
    pending_seconds += counters.pending_seconds[index];
    pending_cost += counters.pending_cost[index];
  }
  const plan::Amounts usage = counters.usage_total();
  const auto slots = static_cast<std::int64_t>(policy.max_concurrent_jobs);
  const bool free_slot = usage.pods < slots;
  const double used =
      slots > 0 ? 100.0 * static_cast<double>(usage.pods) / static_cast<double>(slots) : 100.0;
  return {{"queued", std::move(queued)},
          {"running", usage.pods},
          {"slots", slots},
          {"completed", count_of(counters, JobState::succeeded)},
          {"failed", count_of(counters, JobState::failed)},
          {"cancelled", count_of(counters, JobState::cancelled)},
          {"capacity_used_percent", used},
          {"paused", policy.queue_paused},
          {"next_slot_in_seconds", free_slot ? 0 : next_end_seconds(live, now)},
          {"total_wait_seconds",
           pending_seconds / static_cast<double>(std::max<std::int64_t>(slots, 1))},
          {"pending_cost_microusd", pending_cost.value},
          {"usage",
           {{"gpus", usage.gpus},
            {"cpu", format_millicores(usage.cpu_millicores)},
            {"memory", format_bytes(usage.memory_bytes)}}},
          {"head_waits", leader.is_object() ? leader.value("head_waits", "") : ""},
          {"leader", leader}};
}

}  // namespace oppen::console
