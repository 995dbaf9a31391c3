#include "scheduler/core/attempts.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "scheduler/core/estimates.hpp"
#include "scheduler/core/events.hpp"
#include "scheduler/core/pod_end.hpp"
#include "scheduler/kube/pod_manifest.hpp"
#include "scheduler/queue/outbox_relay.hpp"
#include "schemas/runs.hpp"
#include "workers/runtime/log.hpp"

namespace oppen::core {
namespace {

using namespace std::chrono_literals;
using kube::LaunchOutcome;
using kube::LaunchResult;
using kube::Pod;
using queue::Changes;
using queue::JobRecord;

constexpr int heads_at_once = 64;  // read per priority in one go
constexpr auto launch_deadline = 20s;

double seconds_between(Time begin, Time end) {
  return std::max(0.0, std::chrono::duration_cast<Seconds>(end - begin).count());
}

}  // namespace

Attempts::Attempts(State& state, Post post)
    : state_(state),
      post_(std::move(post)),
      queue_wait_(state.metrics.histogram("oppen_queue_wait_seconds",
                                          "From job.queued to the decision to launch", {},
                                          {0.01, 0.1, 1, 10, 60, 600, 3600, 21600, 86400})),
      decision_(state.metrics.histogram("oppen_decision_seconds",
                                        "Reading the heads of the queue and deciding")),
      launch_(state.metrics.histogram("oppen_launch_seconds",
                                      "From the decision to the API server's acceptance")) {}

// --- launching
// -------------------------------------------------------------------------------------------------------

Status Attempts::launch_next() {
  while (!over_quota_ && state_.counters.queued_total() > 0) {
    const auto began = std::chrono::steady_clock::now();
    auto heads = state_.store.heads(heads_at_once);
    if (!heads) return fail(heads.error());
    std::vector<JobRecord> in_order;
    bool more = false;
    for (auto& of_priority : heads->by_priority) {
      more = of_priority.size() == static_cast<std::size_t>(heads_at_once);
      std::move(of_priority.begin(), of_priority.end(), std::back_inserter(in_order));
      // What stands behind these is not read yet, and goes before any lower priority.
      if (more) break;
    }
    std::vector<plan::WaitingJob> waiting;
    for (const auto& record : in_order) waiting.push_back({record.priority, record.amounts()});
    const auto decision = plan::decide(waiting, state_.capacity());
    decision_.observe(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
    state_.block = decision.block ? decision.block->sentence : "";
    if (decision.launch == 0) return {};

    Changes changes;
    const auto decided_at = now();
    for (std::size_t i = 0; i < decision.launch; ++i) {
      auto& record = in_order[i];
      record.state = JobState::launching;
      record.attempt += 1;
      record.launched = false;
      record.pod_uid.clear();
      record.launching_at = decided_at;
      changes.put(record);
    }
    if (auto committed = state_.commit(changes); !committed) return fail(committed.error());
    for (std::size_t i = 0; i < decision.launch; ++i) {
      queue_wait_.observe(seconds_between(in_order[i].submitted_at, decided_at));
      launch(in_order[i]);
      state_.live[in_order[i].spec.job_id] = std::move(in_order[i]);
    }
    if (decision.block || !more) return {};
  }
  return {};
}

void Attempts::launch(const JobRecord& record) {
  kube::PodContext context;
  context.pod_namespace = state_.pod_namespace;
  context.attempt = record.attempt;
  context.epoch = state_.epoch;
  context.spec_hash = spec_hash(record.spec);
  context.gpu_products = state_.policy->gpu_products;
  const auto entry = state_.policy->model_catalog.find(record.spec.model_type);
  if (entry != state_.policy->model_catalog.end())
    context.pod_template_json = entry->second.pod_template_json;
  state_.kube.launch(record.pod_name(), kube::pod_manifest(record.spec, context), launch_deadline,
                     [this, post = post_, id = record.spec.job_id,
                      attempt = record.attempt](LaunchOutcome outcome) {
                       post([this, id, attempt, outcome = std::move(outcome)] {
                         return on_launch_outcome(id, attempt, outcome);
                       });
                     });
}

Status Attempts::on_launch_outcome(const std::string& job_id, int attempt, LaunchOutcome outcome) {
  const auto found = state_.live.find(job_id);
  if (found == state_.live.end() || found->second.attempt != attempt) return {};
  auto record = found->second;
  switch (outcome.result) {
    case LaunchResult::launched:
      return outcome.pod ? follow(std::move(record), *outcome.pod) : Status();
    case LaunchResult::unavailable:
      unanswered_.insert(job_id);
      return {};
    case LaunchResult::over_quota:
      if (record.state == JobState::cancelling) return end_attempt(std::move(record), nullptr);
      spdlog::info("job {} waits: {}", job_id, outcome.message);
      over_quota_ = true;
      state_.block = outcome.message;
      return back_to_queue(std::move(record));
    case LaunchResult::rejected:
    case LaunchResult::clash:
      spdlog::warn("job {} can't be launched: {}", job_id, outcome.message);
      if (record.give_up.empty()) record.give_up = outcome.message;
      return end_attempt(std::move(record), nullptr);
  }
  return {};
}

// The attempt has not begun; its number is used again.
Status Attempts::back_to_queue(JobRecord record) {
  const auto job_id = record.spec.job_id;
  record.state = JobState::queued;
  record.attempt -= 1;
  record.launching_at = {};
  Changes changes;
  changes.put(record);
  if (auto committed = state_.commit(changes); !committed) return fail(committed.error());
  state_.live.erase(job_id);
  return {};
}

// --- following a pod
// -------------------------------------------------------------------------------------------------

Status Attempts::on_pod(const Pod& pod, bool deleted) {
  note_foreign(pod, deleted);
  if (deleted || pod.terminal()) over_quota_ = false;
  if (deleted) finished_pods_.erase(pod.name);
  if (!pod.managed) return {};
  const auto found = state_.live.find(pod.job_id);
  if (found == state_.live.end() || found->second.attempt != pod.attempt)
    return deleted ? Status() : stray(pod);
  // A pod that was deleted under the same name may be followed by a new one of the same attempt.
  if (deleted && !found->second.pod_uid.empty() && found->second.pod_uid != pod.uid) return {};
  if (deleted) {
    Pod last = pod;
    last.has_finalizer = false;
    last.deleting = true;
    return end_attempt(found->second, &last);
  }
  return follow(found->second, pod);
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
    unanswered_.erase(record.spec.job_id);
  }
  if (pod.started_at && !record.started_at && record.state == JobState::launching) {
    record.state = JobState::running;
    record.seq += 1;
    record.started_at = pod.started_at;
    record.node = pod.node;
    record.gpu_type = gpu_type_of(record, pod);
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
  if (has_ended(pod)) return end_attempt(std::move(record), &pod);
  if (record.state == JobState::cancelling && !pod.deleting) {
    remove_pod(pod.name, pod.uid, std::chrono::seconds(state_.policy->cancel_grace_seconds));
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
  record.seq += 1;
  const auto metrics = pod ? reported_metrics(*pod) : nlohmann::json();
  if (pod && pod->terminal() && metrics.is_object() && record.started_at) {
    RunCompleted run;
    run.run_id = record.pod_name();
    run.job_id = job_id;
    run.attempt = record.attempt;
    run.model_type = record.spec.model_type;
    run.workload_type = record.spec.workload_type;
    run.status = end.succeeded ? "succeeded" : "failed";
    run.epochs = record.spec.epochs.value_or(0);
    run.batch_size = record.spec.batch_size.value_or(0);
    run.resources = record.resources();
    run.gpu_type = record.gpu_type;
    run.gpus = record.resources().gpus;
    run.started_at = *record.started_at;
    run.ended_at = ended_at;
    run.duration_seconds = *attempt_end.duration_seconds;
    run.metrics = metrics;
    run.priority = record.priority;
    run.spot = record.spec.spot;
    run.team = record.spec.team;
    run.project = record.spec.project;
    changes.event(entry(topics::runs, job_id,
                        job_id + "/" + std::to_string(record.attempt) + "/run", run, time));
  }
  // A program that had finished before the cancel reached it has succeeded.
  const bool cancelled = record.state == JobState::cancelling && !end.succeeded;
  const bool again = !end.succeeded && !cancelled && record.give_up.empty() &&
                     end.failure != FailureClass::deadline &&
                     record.attempt <= record.spec.max_retries.value_or(0);
  record.ended_at = ended_at;
  if (end.succeeded) {
    record.state = JobState::succeeded;
    record.metrics = metrics;
    changes.put(record).event(
        job_entry(JobSucceeded{record.context(), attempt_end,
                               metrics.is_object() ? metrics : nlohmann::json::object()},
                  time));
  } else if (cancelled) {
    record.state = JobState::cancelled;
    changes.put(record).event(
        job_entry(JobCancelled{record.context(), attempt_end, record.requested_by, record.reason,
                               record.cancelled_from},
                  time));
  } else if (again) {
    record.state = JobState::queued;
    JobRequeued event{record.context(), attempt_end,   end.message,
                      end.failure,      end.exit_code, std::nullopt};
    record.ended_at.reset();
    record.started_at.reset();
    record.node.clear();
    record.gpu_type.clear();
    record.pod_uid.clear();
    record.launched = false;
    changes.put(record).event(job_entry(event, time));
  } else {
    record.state = JobState::failed;
    record.failure = record.give_up.empty() ? end.failure : FailureClass::launch;
    record.exit_code = end.exit_code;
    record.message = record.give_up.empty() ? end.message : record.give_up;
    changes.put(record).event(job_entry(
        JobFailed{record.context(), attempt_end, *record.failure, record.exit_code, record.message},
        time));
  }
  const auto committed = state_.commit(changes);
  if (!committed) return fail(committed.error());
  state_.live.erase(job_id);
  unanswered_.erase(job_id);
  if (pod) release_later(*pod, committed->outbox_id);
  return {};
}

void Attempts::cancel(const JobRecord& record) {
  state_.live[record.spec.job_id] = record;
  // Without an accepted pod the launch is still on its way: its outcome or its pod will bring us
  // back here.
  if (record.launched) {
    remove_pod(record.pod_name(), record.pod_uid,
               std::chrono::seconds(state_.policy->cancel_grace_seconds));
  }
}

// --- all pods at once
// ------------------------------------------------------------------------------------------------

Status Attempts::reconcile(const std::vector<Pod>& pods) {
  state_.foreign_pods.clear();
  finished_pods_.clear();
  std::unordered_set<std::string> seen;
  for (const auto& pod : pods) {
    note_foreign(pod, false);
    if (!pod.managed) continue;
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
      continue;
    }
    if (auto status = stray(pod); !status) return status;
  }
  std::vector<std::string> without_pod;
  for (const auto& [job_id, record] : state_.live) {
    if (!seen.contains(job_id)) without_pod.push_back(job_id);
  }
  for (const auto& job_id : without_pod) {
    const auto found = state_.live.find(job_id);
    if (found == state_.live.end()) continue;
    if (!found->second.launched) {
      // Decided and never created, as far as the list knows: creating it is idempotent.
      launch(found->second);
      continue;
    }
    spdlog::warn("the pod of job {} has vanished", job_id);
    if (auto status = end_attempt(found->second, nullptr); !status) return status;
  }
  return {};
}

// A pod of the attempt that a queued job would have next: Redis is older than the launch. false: it
// is not such a pod.
Result<bool> Attempts::adopt(const Pod& pod) {
  auto found = state_.store.job(pod.job_id);
  if (!found) return fail(found.error());
  if (!*found || (*found)->state != JobState::queued || (*found)->attempt + 1 != pod.attempt ||
      has_ended(pod) || pod.spec_hash != spec_hash((*found)->spec)) {
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

// A managed pod whose attempt is not live: finished and kept for a while, or of an attempt that
// must not run.
Status Attempts::stray(const Pod& pod) {
  if (has_ended(pod)) {
    if (!pod.has_finalizer) {
      finished_pods_[pod.name] = {pod.uid, pod.finished_at.value_or(pod.created_at)};
      return {};
    }
    const bool waits = std::any_of(releases_.begin(), releases_.end(), [&](const auto& release) {
      return release.second.uid == pod.uid;
    });
    if (waits) return {};
    const auto tip = state_.store.outbox_tip();
    if (!tip) return fail(tip.error());
    release_later(pod, *tip);
    return {};
  }
  if (!pod.deleting) {
    spdlog::warn("deleting pod {}: attempt {} of job {} is not live", pod.name, pod.attempt,
                 pod.job_id);
    remove_pod(pod.name, pod.uid, 0s);
  }
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

// --- after the end
// ---------------------------------------------------------------------------------------------------

void Attempts::release_later(const Pod& pod, const std::string& outbox_id) {
  if (pod.has_finalizer) {
    releases_.emplace_back(outbox_id, pod);
    if (outbox_id.empty()) published("0-0");
  }
  finished_pods_[pod.name] = {pod.uid, pod.finished_at.value_or(now())};
}

void Attempts::published(const std::string& outbox_id) {
  while (!releases_.empty() && queue::outbox_id_reached(releases_.front().first, outbox_id)) {
    const auto pod = std::move(releases_.front().second);
    releases_.pop_front();
    state_.kube.release(pod.name, pod.uid, [name = pod.name](const Status& status) {
      if (!status)
        spdlog::warn("pod {} keeps its finalizer for now: {}", name, status.error().message);
    });
  }
}

void Attempts::remove_pod(const std::string& pod_name, const std::string& uid,
                          std::chrono::seconds grace) {
  state_.kube.remove(pod_name, uid, grace, [pod_name](const Status& status) {
    if (!status)
      spdlog::warn("pod {} could not be deleted yet: {}", pod_name, status.error().message);
  });
}

std::string Attempts::gpu_type_of(const JobRecord& record, const Pod& pod) const {
  if (record.resources().gpus == 0 && !record.resources().gpu_share) return "";
  const auto product = state_.node_gpu_product.find(pod.node);
  if (product == state_.node_gpu_product.end() || product->second.empty())
    return record.spec.resources.gpu_type;
  for (const auto& [gpu_type, label] : state_.policy->gpu_products) {
    if (label == product->second) return gpu_type;
  }
  return product->second;
}

Status Attempts::tick() {
  const auto time = now();
  over_quota_ = false;  // a change that we did not see is not waited for longer than this
  for (const auto& job_id : std::exchange(unanswered_, {})) {
    if (const auto found = state_.live.find(job_id); found != state_.live.end())
      launch(found->second);
  }
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
    remove_pod(record.pod_name(), record.pod_uid, 0s);
  }
  const auto keep = std::chrono::seconds(state_.policy->finished_pod_ttl_seconds);
  for (const auto& [name, pod] : finished_pods_) {
    if (time - pod.second > keep) remove_pod(name, pod.first, 0s);
  }
  return {};
}

JobQueued Attempts::expectation(const JobRecord& record, Time time, std::int64_t more_ahead,
                                double more_seconds) const {
  const auto& counters = state_.counters;
  Ahead ahead;
  ahead.position = 1 + more_ahead;
  ahead.queued_seconds = more_seconds;
  for (const auto priority : all_priorities) {
    ahead.position += counters.queued[static_cast<std::size_t>(priority)];
    ahead.queued_seconds += counters.pending_seconds[static_cast<std::size_t>(priority)];
    if (priority == record.priority) break;
  }
  for (const auto& [job_id, running] : state_.live) {
    const auto spent = running.started_at ? seconds_between(*running.started_at, time) : 0;
    ahead.running_seconds += std::max(0.0, running.estimated_seconds - spent);
  }
  const auto capacity = state_.capacity();
  ahead.slots = slots_for(record.amounts(), record.priority, capacity);
  ahead.free_slots = plan::why_not(record.amounts(), record.priority, capacity)
                         ? 0
                         : std::max<std::int64_t>(1, ahead.slots - capacity.ours_total().pods);

  JobQueued event;
  event.spec = record.spec;
  event.position = ahead.position;
  event.estimated_wait_seconds = estimate_wait_seconds(ahead);
  event.estimated_duration_seconds = record.estimated_seconds;
  const auto start =
      time + std::chrono::milliseconds(std::llround(event.estimated_wait_seconds * 1000));
  event.estimated_cost =
      estimate_cost(record.spec, start, record.estimated_seconds, *state_.cost_model);
  return event;
}

}  // namespace oppen::core
