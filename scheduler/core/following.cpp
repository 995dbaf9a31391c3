// From an accepted pod to the end of its attempt, and the comparison of everything after a list.
#include <algorithm>

#include "scheduler/core/attempts.hpp"
#include "scheduler/core/budget_gate.hpp"
#include "scheduler/core/events.hpp"
#include "scheduler/core/learning.hpp"
#include "scheduler/core/retry.hpp"
#include "workers/cost/budgets/unseen.hpp"
#include "workers/runtime/log.hpp"

namespace oppen::core {
namespace {

using namespace std::chrono_literals;
using kube::Pod;
using queue::Changes;
using queue::JobRecord;

}  // namespace

// A pod of a later leader: we were paused, and know nothing of what it does.
Status Attempts::check_epoch(const Pod& pod) const {
  if (!pod.managed || pod.epoch <= state_.epoch) return {};
  return fail(ErrorKind::fenced, "pod " + pod.name + " is of epoch " + std::to_string(pod.epoch) +
                                     ", ours is " + std::to_string(state_.epoch) +
                                     ": another scheduler leads");
}

Status Attempts::on_pod(const Pod& pod, bool deleted) {
  if (auto status = check_epoch(pod); !status) return status;
  note_foreign(pod, deleted);
  if (deleted || pod.terminal()) quota_changed();
  if (deleted) finished_pods_.erase(pod.name);
  if (deleted || has_ended(pod)) state_.strays.erase(pod.name);
  if (!pod.managed) return {};
  const auto found = state_.live.find(pod.job_id);
  if (found == state_.live.end() || found->second.attempt != pod.attempt) {
    if (deleted) return {};
    const auto adopted = adopt(pod);
    if (!adopted) return fail(adopted.error());
    return *adopted ? Status() : stray(pod);
  }
  if (!deleted) return follow(found->second, pod);
  // A pod that was deleted under this name may be followed by a new one of the same attempt.
  if (!found->second.pod_uid.empty() && found->second.pod_uid != pod.uid) return {};
  auto record = found->second;
  if (!record.launched) {
    // It came and went before its launch was answered.
    if (auto status = follow(record, pod); !status) return status;
    const auto again = state_.live.find(pod.job_id);
    if (again == state_.live.end()) return {};
    record = again->second;
  }
  Pod last = pod;
  last.deleting = true;
  last.has_finalizer = false;
  if (auto status = end_attempt(std::move(record), &last); !status) return status;
  finished_pods_.erase(pod.name);
  return {};
}

// Brings the record up to what its pod shows: accepted, started, ended.
Status Attempts::follow(JobRecord record, const Pod& pod) {
  Changes changes;
  const auto time = now();
  if (!record.launched) {
    record.launched = true;
    record.pod_uid = pod.uid;
    record.seq += 1;
    changes.put(record).event(
        job_entry(JobLaunched{record.context(), record.pod_name(), state_.pod_namespace}, time));
    launch_.observe(seconds_between(record.launching_at, time));
    queue_wait_.observe(seconds_between(record.submitted_at, record.launching_at));
  }
  if (pod.started_at && !record.started_at && record.state == JobState::launching) {
    record.state = JobState::running;
    record.seq += 1;
    record.started_at = pod.started_at;
    record.node = pod.node;
    record.gpu_type = gpu_type_of(record, pod);
    observe_start(record);
    changes.put(record).event(
        job_entry(JobStarted{record.context(), record.pod_name(), state_.pod_namespace, record.node,
                             record.gpu_type, *record.started_at},
                  time));
  }
  if (pod.started_at && !record.started_at)
    record.started_at = pod.started_at;  // started while being cancelled
  if (!pod.node.empty()) record.node = pod.node;
  if (record.pod_uid.empty()) record.pod_uid = pod.uid;  // a record that was rebuilt from events
  // Why it does not start yet, for the case that it never does.
  if (!pod.started_at && !pod.reason.empty()) record.message = pod.reason + ": " + pod.message;
  if (!changes.empty()) {
    if (auto committed = state_.commit(changes); !committed) return fail(committed.error());
  }
  state_.live[record.spec.job_id] = record;
  state_.strays.erase(pod.name);  // it may have been one before a batch was decided
  if (pod.delete_by) delete_by_[record.spec.job_id] = *pod.delete_by;
  if (has_ended(pod)) {
    if (state_.caught_up || !pod.deleting || record.state == JobState::cancelling ||
        went_on(record))
      return end_attempt(std::move(record), &pod);
    deleted_early_.push_back(pod);
    return {};
  }
  if ((record.state == JobState::cancelling || !record.give_up.empty()) && !pod.deleting)
    remove_live(record);
  return {};
}

// How far off was what job.queued told? A later attempt starts when the one before has failed, which nobody foretold.
void Attempts::observe_start(const JobRecord& record) {
  if (record.attempt != 1 || record.submitted_at == Time{}) return;
  const auto expected = record.submitted_at + std::chrono::seconds(record.expected_wait_seconds);
  const bool late = *record.started_at > expected;
  const double off = late ? seconds_between(expected, *record.started_at)
                          : seconds_between(*record.started_at, expected);
  (late ? late_start_ : early_start_).observe(off);
}

Status Attempts::caught_up() {
  if (std::exchange(state_.caught_up, true)) return {};
  for (const auto& pod : std::exchange(deleted_early_, {})) {
    const auto found = state_.live.find(pod.job_id);
    if (found == state_.live.end() || found->second.attempt != pod.attempt) continue;
    if (auto status = follow(found->second, pod); !status) return status;
  }
  return {};
}

Status Attempts::end_attempt(JobRecord record, const Pod* pod) {
  const auto time = now();
  const auto job_id = record.spec.job_id;
  const auto end = explain_end(pod);
  if (pod) {
    if (pod->started_at) record.started_at = pod->started_at;
    if (!pod->node.empty()) record.node = pod->node;
    if (record.gpu_type.empty()) record.gpu_type = gpu_type_of(record, *pod);
  }
  const Time ended_at = pod && pod->finished_at ? *pod->finished_at : time;
  AttemptEnd attempt_end{record.pod_name(), state_.pod_namespace, record.node,
                         record.gpu_type,   record.started_at,    ended_at,
                         std::nullopt};
  if (record.started_at)
    attempt_end.duration_seconds = seconds_between(*record.started_at, ended_at);

  Changes changes;
  MicroUsd unseen;
  if (record.started_at && state_.budgets.holds()) {
    unseen = cost_of_ended(record, *record.started_at, ended_at);
    changes.unseen(budgets::unseen_field(record.spec.team, record.spec.project, ended_at), unseen);
  }
  const auto metrics = pod ? reported_metrics(*pod) : nlohmann::json();
  if (pod && pod->terminal() && metrics.is_object() && record.started_at) {
    changes.event(entry(topics::runs, job_id,
                        job_id + "/" + std::to_string(record.attempt) + "/run",
                        run_of(record, attempt_end, end.succeeded, metrics), time));
  }
  // A program that had finished before the cancel reached it has succeeded.
  const bool cancelling = record.state == JobState::cancelling;
  const bool cancelled = cancelling && !end.succeeded;
  auto failure = record.give_up.empty() ? end.failure : FailureClass::launch;
  // Nothing else takes a spot node away as often as its owner does.
  if (failure == FailureClass::node && record.spec.spot) failure = FailureClass::preempted;
  const auto retry = end.succeeded || cancelled
                         ? std::nullopt
                         : retry_after(record, failure, *state_.policy, ended_at);
  record.seq += 1;
  record.ended_at = ended_at;
  if (end.succeeded) {
    record.state = JobState::succeeded;
    record.metrics = metrics;
    learn(state_, record, attempt_end, time, changes);
    changes.put(record).event(
        job_entry(JobSucceeded{record.context(), attempt_end,
                               metrics.is_object() ? metrics : nlohmann::json::object()},
                  time));
    if (cancelling) {
      changes.event(entry(topics::job_events, job_id,
                          job_id + "/cancel-refused/" + std::to_string(record.seq),
                          JobCancelRefused{job_id, "", "finished", record.requested_by}, time));
    }
  } else if (cancelled) {
    record.state = JobState::cancelled;
    changes.put(record).event(
        job_entry(JobCancelled{record.context(), attempt_end, record.requested_by, record.reason,
                               record.cancelled_from},
                  time));
  } else if (retry) {
    record.state = JobState::queued;
    const auto message = record.give_up.empty() ? end.message : record.give_up;
    const auto retry_at =
        retry->not_before > ended_at ? std::optional(retry->not_before) : std::nullopt;
    const JobRequeued event{record.context(), attempt_end,   message,
                            failure,          end.exit_code, retry_at};
    take_retry(record, event);
    if (retry_at) state_.retries.emplace(*retry_at, job_id);
    // Beside what the attempt has cost, which is not counted yet, and not what it was estimated at.
    state_.live.erase(job_id);
    state_.rooms.reset();
    if (auto status = take_in(state_, record, {-unseen.value}); !status) return status;
    changes.put(record).event(job_entry(event, time));
  } else {
    record.state = JobState::failed;
    record.failure = failure;
    record.exit_code = end.exit_code;
    record.message = record.give_up.empty() ? end.message : record.give_up;
    changes.put(record).event(job_entry(
        JobFailed{record.context(), attempt_end, *record.failure, record.exit_code, record.message},
        time));
  }
  const auto committed = state_.commit(changes);
  if (!committed) return fail(committed.error());
  if (in_flight_.contains(job_id)) state_.kube.abandon(record.pod_name());
  state_.live.erase(job_id);
  accepted_since_list_.erase(job_id);
  delete_by_.erase(job_id);
  if (pod) release_later(*pod, committed->outbox_id);
  return {};
}

RunCompleted Attempts::run_of(const JobRecord& record, const AttemptEnd& end, bool succeeded,
                              const nlohmann::json& metrics) const {
  RunCompleted run;
  run.run_id = record.pod_name();
  run.job_id = record.spec.job_id;
  run.attempt = record.attempt;
  run.model_type = record.spec.model_type;
  run.workload_type = record.spec.workload_type;
  run.status = succeeded ? "succeeded" : "failed";
  run.epochs = record.spec.epochs.value_or(0);
  run.batch_size = record.spec.batch_size.value_or(0);
  run.resources = record.resources();
  run.gpu_type = record.gpu_type;
  run.gpus = record.resources().gpus;
  run.started_at = end.started_at.value_or(Time{});
  run.ended_at = end.ended_at.value_or(Time{});
  run.duration_seconds = end.duration_seconds.value_or(0);
  run.metrics = metrics;
  run.priority = record.priority;
  run.spot = record.spec.spot;
  run.team = record.spec.team;
  run.project = record.spec.project;
  // The trainer's times of its epochs have a place of their own.
  if (const auto epochs = metrics.find("epoch_seconds");
      epochs != metrics.end() && epochs->is_array()) {
    for (const auto& seconds : *epochs) {
      if (seconds.is_number() && seconds.get<double>() >= 0)
        run.epoch_seconds.push_back(seconds.get<double>());
    }
    run.metrics.erase("epoch_seconds");
  }
  return run;
}

Status Attempts::reconcile(const std::vector<Pod>& pods) {
  state_.foreign_pods.clear();
  finished_pods_.clear();
  const auto strays_before = std::exchange(state_.strays, {});
  delete_by_.clear();
  std::unordered_set<std::string> seen;
  std::vector<const Pod*> ours;
  for (const auto& pod : pods) {
    if (auto status = check_epoch(pod); !status) return status;
    note_foreign(pod, false);
    if (pod.managed) ours.push_back(&pod);
  }
  // Of one job the earlier attempt first: only when its end is told can the next one be adopted.
  std::stable_sort(ours.begin(), ours.end(),
                   [](const Pod* a, const Pod* b) { return a->attempt < b->attempt; });
  latest_attempt_.clear();
  for (const auto* pod : ours) latest_attempt_[pod->job_id] = pod->attempt;
  for (const auto* one : ours) {
    const auto& pod = *one;
    const auto found = state_.live.find(pod.job_id);
    if (found != state_.live.end() && found->second.attempt == pod.attempt) {
      seen.insert(pod.job_id);
      if (auto status = follow(found->second, pod); !status) return status;
      continue;
    }
    const auto adopted = adopt(pod);
    if (!adopted) return fail(adopted.error());
    if (*adopted) {
      seen.insert(pod.job_id);
    } else if (auto status = stray(pod); !status) {
      return status;
    }
  }
  latest_attempt_.clear();
  for (auto& [name, stray] : state_.strays) {
    const auto before = strays_before.find(name);
    if (before != strays_before.end()) stray.since = before->second.since;
  }
  std::vector<std::string> without_pod;
  for (const auto& [job_id, record] : state_.live) {
    // The watch, which goes on from this list, will tell of what was accepted while it was read.
    if (!seen.contains(job_id) && !accepted_since_list_.contains(job_id) &&
        !in_flight_.contains(job_id)) {
      without_pod.push_back(job_id);
    }
  }
  for (const auto& job_id : without_pod) {
    const auto found = state_.live.find(job_id);
    if (found == state_.live.end()) continue;
    if (!found->second.launched && found->second.state == JobState::launching) {
      launch(found->second);  // decided and never created, as far as the list knows
      continue;
    }
    if (found->second.launched) spdlog::warn("the pod of job {} has vanished", job_id);
    if (auto status = end_attempt(found->second, nullptr); !status) return status;
  }
  return {};
}

// A pod whose launch Redis has forgotten: its events had not been published when Redis was lost. Also one that has ended or is being
// deleted meanwhile, as long as its finalizer says that its end is still to be told.
Result<bool> Attempts::adopt(const Pod& pod) {
  if ((has_ended(pod) || pod.deleting) && !pod.has_finalizer) return false;
  if (state_.claimed.contains(pod.job_id)) return false;  // it is not queued yet
  auto found = state_.store.job(pod.job_id);
  if (!found) return fail(found.error());
  if (!*found || (*found)->state != JobState::queued || (*found)->attempt + 1 != pod.attempt ||
      pod.spec_hash != spec_hash((*found)->spec)) {
    return false;
  }
  spdlog::warn("adopting pod {}: its launch had not been stored", pod.name);
  auto& record = **found;
  record.state = JobState::launching;
  record.attempt += 1;
  record.launching_at = pod.created_at;
  Changes changes;
  changes.put(record);
  if (auto committed = state_.commit(changes); !committed) return fail(committed.error());
  return follow(std::move(record), pod).map([] { return true; });
}

Status Attempts::stray(const Pod& pod) {
  if (!has_ended(pod)) {
    if (!pod.deleting) {
      spdlog::warn("deleting pod {}: attempt {} of job {} is not live", pod.name, pod.attempt,
                   pod.job_id);
      remove_pod(pod.name, pod.uid, 0s);
    }
    note_stray(pod);
    return {};
  }
  if (!pod.has_finalizer) {
    finished_pods_[pod.name] = {pod.uid, pod.finished_at.value_or(pod.created_at)};
    return {};
  }
  return release_published(pod);
}

// Of an attempt whose end is in the outbox or on the bus already.
Status Attempts::release_published(const Pod& pod) {
  const bool waits = std::any_of(releases_.begin(), releases_.end(), [&](const auto& release) {
    return release.second.uid == pod.uid;
  });
  if (waits) return {};
  const auto tip = state_.store.outbox_tip();
  if (!tip) return fail(tip.error());
  release_later(pod, *tip);
  return {};
}

void Attempts::note_foreign(const Pod& pod, bool deleted) {
  if (pod.managed) return;
  if (deleted || pod.terminal()) {
    state_.foreign_pods.erase(pod.name);
  } else {
    state_.foreign_pods[pod.name] = {pod.priority_class, pod.requests};
  }
}

std::string Attempts::gpu_type_of(const JobRecord& record, const Pod& pod) const {
  if (record.resources().gpus == 0 && !record.resources().gpu_share) return "";
  const auto product = state_.nodes.gpu_product(pod.node);
  if (product.empty()) return record.spec.resources.gpu_type;
  return state_.policy->gpu_type_of(product);
}

}  // namespace oppen::core
