// After the end: finalizers, deletions, and what is repeated until it has had its effect.
#include <algorithm>

#include "scheduler/core/attempts.hpp"
#include "scheduler/queue/outbox_relay.hpp"
#include "workers/runtime/log.hpp"

namespace oppen::core {
namespace {

using namespace std::chrono_literals;
using kube::Pod;
using queue::Changes;
using queue::JobRecord;

constexpr auto removal_interval = 5s;
constexpr int clear_at_once = 50;  // launches wait in the same line at the API server

}  // namespace

void Attempts::release_later(const Pod& pod, const std::string& outbox_id) {
  finished_pods_[pod.name] = {pod.uid, pod.finished_at.value_or(now())};
  if (!pod.has_finalizer) return;
  if (outbox_id.empty()) {
    release(pod);
  } else {
    releases_.emplace_back(outbox_id, pod);
  }
}

void Attempts::published(const std::string& outbox_id) {
  published_ = outbox_id;
  if (in_flight_.empty()) release_told();
}

void Attempts::release_told() {
  while (!releases_.empty() && queue::outbox_id_reached(releases_.front().first, published_)) {
    release(releases_.front().second);
    releases_.pop_front();
  }
}

void Attempts::release(const Pod& pod) {
  state_.kube.release(pod.name, pod.uid, [this, post = post_, pod](const Status& status) {
    if (status) return;
    spdlog::warn("pod {} keeps its finalizer for now: {}", pod.name, status.error().message);
    post([this, pod]() -> Status {
      releases_.emplace_front("0-0", pod);  // with the next tick
      return {};
    });
  });
}

// The pod of an attempt that is to end: cancelled, or given up.
void Attempts::remove_live(const JobRecord& record) {
  const auto grace = record.give_up.empty() ? state_.policy->cancel_grace_seconds : 0;
  remove_pod(record.pod_name(), record.pod_uid, std::chrono::seconds(grace));
}

void Attempts::remove_pod(const std::string& pod_name, const std::string& uid,
                          std::chrono::seconds grace) {
  state_.kube.remove(pod_name, uid, grace, [pod_name](const Status& status) {
    if (!status)
      spdlog::warn("pod {} could not be deleted yet: {}", pod_name, status.error().message);
  });
}

void Attempts::cancel(const JobRecord& record) {
  state_.live[record.spec.job_id] = record;
  // Without an accepted pod the launch is still on its way: its outcome or its pod will bring us back here.
  if (record.launched) remove_live(record);
}

Status Attempts::tick() {
  const auto time = now();
  release_told();
  settled_.reset();
  if (over_quota_ && time >= next_probe_) over_quota_ = false;
  if (auto status = give_up_overdue(time); !status) return status;
  if (auto status = end_lost(time); !status) return status;
  const bool again = time >= next_removals_;
  if (again) {
    next_removals_ = time + removal_interval;
    if (auto status = end_strays(time); !status) return status;
  }
  for (const auto& [job_id, record] : state_.live) {
    if (!record.launched) {
      launch(record);  // unless it is in flight: its last one had no answer
    } else if (again && (record.state == JobState::cancelling || !record.give_up.empty())) {
      remove_live(record);
    }
  }
  clear_finished(time);
  return {};
}

Status Attempts::give_up_overdue(Time time) {
  const auto timeout = std::chrono::seconds(state_.policy->launch_timeout_seconds);
  std::vector<std::string> overdue;
  for (const auto& [job_id, record] : state_.live) {
    if (record.state == JobState::launching && record.launched && record.give_up.empty() &&
        time - record.launching_at > timeout) {
      overdue.push_back(job_id);
    }
  }
  for (const auto& job_id : overdue) {
    auto record = state_.live.at(job_id);
    record.give_up = "the pod did not start within " + std::to_string(timeout.count()) +
                     " s (launch_timeout_seconds)";
    if (!record.message.empty()) record.give_up += ": " + record.message;
    Changes changes;
    changes.put(record);
    if (auto committed = state_.commit(changes); !committed) return fail(committed.error());
    state_.live[job_id] = record;
    remove_live(record);
  }
  return {};
}

void Attempts::clear_finished(Time time) {
  const auto keep = std::chrono::seconds(state_.policy->finished_pod_ttl_seconds);
  int cleared = 0;
  for (auto pod = finished_pods_.begin(); pod != finished_pods_.end() && cleared < clear_at_once;) {
    if (time - pod->second.second <= keep) {
      ++pod;
      continue;
    }
    ++cleared;
    state_.kube.remove(
        pod->first, pod->second.first, 0s,
        [this, post = post_, name = pod->first, finished = pod->second](const Status& status) {
          if (status) return;
          post([this, name, finished]() -> Status {
            finished_pods_.emplace(name, finished);
            return {};
          });
        });
    pod = finished_pods_.erase(pod);
  }
}

}  // namespace oppen::core
