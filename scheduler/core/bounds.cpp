#include "scheduler/core/bounds.hpp"

#include <algorithm>

#include "scheduler/kube/pod_template.hpp"

namespace oppen::core {

using std::chrono::seconds;

std::int64_t Bounds::longest_seconds(const JobSpec& resolved) {
  if (!resolved.max_runtime_seconds) return 0;
  return policy_.launch_timeout_seconds + *resolved.max_runtime_seconds +
         grace_of(resolved.model_type).count();
}

Time Bounds::ends_by(const queue::JobRecord& live, std::optional<Time> delete_by, Time now) {
  if (!live.give_up.empty()) return now;  // its pod is deleted without grace
  if (delete_by) return *delete_by;
  if (live.state == JobState::cancelling) return now + seconds(policy_.cancel_grace_seconds);
  if (!live.spec.max_runtime_seconds) return Time::max();
  const auto run = seconds(*live.spec.max_runtime_seconds) + grace_of(live.spec.model_type);
  if (live.started_at) return *live.started_at + run;
  // While the API server is away the launch is still to come.
  return std::max(now, live.launching_at + seconds(policy_.launch_timeout_seconds)) + run;
}

seconds Bounds::grace_of(const std::string& model_type) {
  const auto known = graces_.find(model_type);
  if (known != graces_.end()) return known->second;
  const auto entry = policy_.model_catalog.find(model_type);
  const auto grace = kube::termination_grace(
      entry == policy_.model_catalog.end() ? "" : entry->second.pod_template_json);
  graces_[model_type] = grace;
  return grace;
}

}  // namespace oppen::core
