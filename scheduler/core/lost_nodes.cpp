// Pods on a node that is away: nobody there will tell of their end any more.
#include <fmt/format.h>

#include <algorithm>

#include "scheduler/core/attempts.hpp"
#include "workers/runtime/log.hpp"

namespace oppen::core {
namespace {

using namespace std::chrono_literals;
using kube::Pod;
using queue::JobRecord;

constexpr auto patience = 10s;  // with a pod that is to be gone

}  // namespace

// Since when, once that is for good: for longer than the policy waits, or when the pod's own time to end is over, too.
std::optional<Time> Attempts::lost_since(const std::string& node, std::optional<Time> delete_by,
                                         Time time) {
  const auto since = state_.nodes.away_since(node, time);
  if (!since) return std::nullopt;
  const bool too_long =
      time - *since > std::chrono::seconds(state_.policy->node_lost_after_seconds);
  return too_long || (delete_by && time > *delete_by) ? since : std::nullopt;
}

Status Attempts::end_lost(Time time) {
  std::vector<std::pair<std::string, Time>> lost;
  for (const auto& [job_id, record] : state_.live) {
    if (!record.launched || record.pod_uid.empty()) continue;
    const auto due = delete_by_.find(job_id);
    const auto since = lost_since(
        record.node, due == delete_by_.end() ? std::nullopt : std::optional(due->second), time);
    if (since) lost.emplace_back(job_id, *since);
  }
  for (const auto& [job_id, since] : lost) {
    const auto& record = state_.live.at(job_id);
    Pod pod;
    pod.name = record.pod_name();
    pod.uid = record.pod_uid;
    pod.job_id = job_id;
    pod.attempt = record.attempt;
    pod.managed = true;
    pod.node = record.node;
    pod.has_finalizer = true;
    pod.started_at = record.started_at;
    pod.finished_at = record.started_at ? std::max(since, *record.started_at) : since;
    pod.reason = "NodeLost";
    pod.message = fmt::format(
        "node {} has been away since {}: what ran there is taken for lost (node_lost_after_seconds "
        "is {})",
        record.node, to_rfc3339(since), state_.policy->node_lost_after_seconds);
    spdlog::warn("pod {} is lost: {}", pod.name, pod.message);
    if (auto status = end_attempt(record, &pod); !status) return status;
    remove_pod(pod.name, pod.uid, 0s);
    note_stray(pod);
  }
  return {};
}

bool Attempts::last_pod_is_there(const JobRecord& record) const {
  const auto stray = state_.strays.find(record.pod_name());
  // One that can't be deleted keeps its slot, but not its job, and those behind it, from going on.
  return stray != state_.strays.end() && now() - stray->second.since < patience;
}

void Attempts::note_stray(const Pod& pod) {
  const auto [stray, is_new] = state_.strays.try_emplace(pod.name, Stray{pod, now()});
  if (!is_new) stray->second.pod = pod;
}

// Pods of attempts that are not live are deleted until they are gone; one whose node is lost lets go of its finalizer here, because it
// will never show an end.
Status Attempts::end_strays(Time time) {
  for (const auto& [name, stray] : state_.strays) {
    const auto& pod = stray.pod;
    const bool lost = lost_since(pod.node, pod.delete_by, time).has_value();
    if (lost || !pod.deleting) remove_pod(name, pod.uid, 0s);
    if (!lost) continue;
    if (auto status = release_published(pod); !status) return status;
  }
  return {};
}

}  // namespace oppen::core
