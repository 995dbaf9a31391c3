// From the heads of the queue to accepted pods.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "scheduler/core/attempts.hpp"
#include "scheduler/core/bounds.hpp"
#include "scheduler/core/budget_gate.hpp"
#include "scheduler/core/estimates.hpp"
#include "scheduler/kube/pod_manifest.hpp"
#include "workers/runtime/log.hpp"

namespace oppen::core {
namespace {

using namespace std::chrono_literals;
using kube::LaunchOutcome;
using kube::LaunchResult;
using queue::Changes;
using queue::JobRecord;

constexpr std::int64_t most_heads = 64;  // read per priority in one go
// Launches that have no outcome yet: several times what the API server is asked at once. What is decided later is decided on what is
// known then, and no launch spends its deadline waiting for its turn.
constexpr std::size_t most_in_flight = 128;
constexpr int most_rounds = 16;  // of jobs that are found to be held, before others have their turn
constexpr auto launch_deadline = 20s;
constexpr auto longest_probe_wait = 16s;
constexpr auto remaining_keep = 500ms;

runtime::Histogram& eta_error(State& state, const char* start) {
  return state.metrics.histogram("oppen_eta_error_seconds",
                                 "Between the start that job.queued told and that of the first "
                                 "attempt, by whether it came early or late",
                                 {{"start", start}},
                                 {1, 10, 60, 300, 900, 3600, 10800, 43200, 86400});
}

// The heads in the order of launching, as far as it is known: what stands behind `limit` heads of a priority is not read yet, and goes
// before any lower one.
std::vector<JobRecord> in_order(queue::Heads heads, std::int64_t limit, bool& more) {
  std::vector<JobRecord> records;
  for (auto& of_priority : heads.by_priority) {
    more = static_cast<std::int64_t>(of_priority.size()) == limit;
    std::move(of_priority.begin(), of_priority.end(), std::back_inserter(records));
    if (more) break;
  }
  return records;
}

// With backfill: also by when it can start. In whole minutes, so that what moves by the second is not written by the second.
std::string head_waits_for(const plan::Choice& choice, Time now) {
  if (!choice.block) return "";
  if (!choice.reserved_at || *choice.reserved_at <= now) return choice.block->sentence;
  return choice.block->sentence + "; it can start by " +
         to_rfc3339(std::chrono::ceil<std::chrono::minutes>(*choice.reserved_at));
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
                                      "From the decision to the API server's acceptance")),
      late_start_(eta_error(state, "late")),
      early_start_(eta_error(state, "early")),
      backfilled_(state.metrics.counter("oppen_backfilled_total",
                                        "Jobs launched before one that stood before them")) {}

Status Attempts::launch_next() {
  if (state_.counters.queued_total() == 0) return say_head_waits("");
  if (state_.policy->queue_paused) return say_head_waits(plan::paused_text(state_.paused_until));
  int rounds = 0;
  while (!over_quota_ && state_.counters.queued_total() > 0) {
    const auto free_slots = state_.policy->max_concurrent_jobs -
                            state_.counters.usage_total().pods -
                            static_cast<std::int64_t>(state_.strays.size());
    if (free_slots <= 0) {
      settled_.reset();
      return say_head_waits(fmt::format("waits for a free slot ({0} of {0} taken)",
                                        state_.policy->max_concurrent_jobs));
    }
    const bool backfill = state_.policy->backfill_enabled;
    if (backfill && settled_ == seen()) return {};
    if (in_flight_.size() > most_in_flight / 2) return {};  // many at a time are one commit
    const auto room = static_cast<std::int64_t>(most_in_flight - in_flight_.size());
    const auto limit = std::min({most_heads, free_slots, room});
    const auto began = std::chrono::steady_clock::now();
    auto next = backfill ? next_with_backfill(limit) : next_in_order(limit);
    if (!next) return fail(next.error());
    if (next->again) {
      if (++rounds < most_rounds) continue;
      post_([]() -> Status { return {}; });  // go on after whatever else waits
      return {};
    }
    auto& jobs = next->jobs;
    decision_.observe(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
    if (jobs.empty()) {
      settled_ = seen();
      return say_head_waits(next->head_waits);
    }
    if (probing_) {
      if (!in_flight_.empty()) return {};
      jobs.erase(jobs.begin() + 1, jobs.end());
      next->more = false;
    }

    const auto waits = std::find_if(jobs.begin(), jobs.end(), [this](const JobRecord& record) {
      return last_pod_is_there(record);
    });
    if (waits != jobs.end()) {
      next->more = false;
      next->head_waits =
          fmt::format("waits until pod {} of its last attempt is gone", waits->pod_name());
      jobs.erase(waits, jobs.end());
      if (jobs.empty()) return say_head_waits(next->head_waits);
    }

    Changes changes;
    if (next->gate) {
      const auto held = next->gate->hold(jobs, true);
      if (!held) return fail(held.error());
      if (*held > 0) next->more = true;
      if (jobs.empty()) continue;
      next->gate->bind(jobs, changes);
    }
    const auto decided_at = now();
    for (auto& record : jobs) {
      record.state = JobState::launching;
      record.reserved = false;
      record.attempt += 1;
      record.launched = false;
      record.pod_uid.clear();
      record.launching_at = decided_at;
      changes.put(record);
    }
    if (auto committed = state_.commit(changes); !committed) return fail(committed.error());
    if (jobs.size() > next->in_turn)
      backfilled_.add(static_cast<double>(jobs.size() - next->in_turn));
    for (auto& record : jobs) {
      launch(record);
      auto job_id = record.spec.job_id;
      state_.live[std::move(job_id)] = std::move(record);
    }
    if (!next->more) {
      if (!probing_) settled_ = seen();
      return say_head_waits(next->head_waits);
    }
  }
  return {};
}

Attempts::Seen Attempts::seen() const {
  const auto& counters = state_.counters;
  return {std::to_array(counters.queued), std::to_array(counters.usage), state_.policy};
}

// Whoever is held is to stand in nobody's way, whatever else he would have waited for.
Status Attempts::hold_over_budget(std::vector<JobRecord>& records, Next& next) {
  if (records.empty() || !state_.budgets.holds()) return {};
  auto gate = BudgetGate::open(state_);
  if (!gate) return fail(gate.error());
  next.gate = std::move(*gate);
  return next.gate->hold(records, false).map([&](std::size_t held) { next.again = held > 0; });
}

Result<Attempts::Next> Attempts::next_in_order(std::int64_t limit) {
  auto heads = state_.store.heads(static_cast<int>(limit), state_.off_peak(now()));
  if (!heads) return fail(heads.error());
  Next next;
  next.jobs = in_order(std::move(*heads), limit, next.more);
  if (auto status = hold_over_budget(next.jobs, next); !status) return fail(status.error());
  if (next.again) return next;
  std::vector<plan::WaitingJob> waiting;
  for (const auto& record : next.jobs) waiting.push_back({record.priority, record.amounts()});
  const auto decision = plan::decide(waiting, state_.capacity());
  next.in_turn = decision.launch;
  next.jobs.resize(decision.launch);
  if (decision.block) {
    next.head_waits = decision.block->sentence;
    next.more = false;
  }
  return next;
}

Result<Attempts::Next> Attempts::next_with_backfill(std::int64_t limit) {
  const auto looked_at = static_cast<int>(limit) + 1 + static_cast<int>(plan::backfill_candidates);
  auto heads = state_.store.heads(looked_at, state_.off_peak(now()), looked_at);
  if (!heads) return fail(heads.error());
  std::vector<JobRecord> records;
  for (auto& of_priority : heads->by_priority)
    std::move(of_priority.begin(), of_priority.end(), std::back_inserter(records));
  Next next;
  if (auto status = hold_over_budget(records, next); !status) return fail(status.error());
  if (next.again) return next;

  const auto time = now();
  Bounds bounds(*state_.policy);
  std::vector<plan::WaitingJob> waiting;
  for (const auto& record : records) {
    waiting.push_back(
        {record.priority, record.amounts(), false, bounds.longest_seconds(record.spec)});
  }
  std::vector<plan::LiveAttempt> live;
  live.reserve(state_.live.size());
  for (const auto& [job_id, record] : state_.live) {
    const auto due = delete_by_.find(job_id);
    const auto delete_by = due == delete_by_.end() ? std::nullopt : std::optional(due->second);
    live.push_back({record.priority, record.amounts(), bounds.ends_by(record, delete_by, time)});
  }
  auto choice = plan::decide(waiting, live, state_.capacity(), time, true);

  next.more = !choice.head && records.size() == static_cast<std::size_t>(looked_at);
  next.head_waits = head_waits_for(choice, time);
  if (choice.launch.size() > static_cast<std::size_t>(limit)) {
    choice.launch.resize(static_cast<std::size_t>(limit));
    next.more = true;
  }
  for (const auto index : choice.launch) {
    if (!choice.head || index < *choice.head) ++next.in_turn;
    next.jobs.push_back(std::move(records[index]));
  }
  return next;
}

Status Attempts::say_head_waits(const std::string& why) {
  if (why == head_waits_) return {};
  if (auto committed = state_.commit(Changes().meta("head_waits", why)); !committed)
    return fail(committed.error());
  head_waits_ = why;
  return {};
}

void Attempts::launch(const JobRecord& record) {
  if (!in_flight_.insert(record.spec.job_id).second) return;
  kube::PodContext context;
  context.pod_namespace = state_.pod_namespace;
  context.attempt = record.attempt;
  context.epoch = state_.epoch;
  context.spec_hash = spec_hash(record.spec);
  context.gpu_products = state_.policy->gpu_products;
  context.avoid_nodes = record.avoid;
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
  in_flight_.erase(job_id);
  if (in_flight_.empty()) release_told();
  const auto found = state_.live.find(job_id);
  if (found == state_.live.end() || found->second.attempt != attempt) return {};
  auto record = found->second;
  if (outcome.result == LaunchResult::launched) {
    over_quota_ = probing_ = false;
    probe_wait_ = 1s;
    accepted_since_list_.insert(job_id);
    return outcome.pod ? follow(std::move(record), *outcome.pod) : Status();
  }
  // The watch has shown the pod: it is there, whatever the answer says.
  if (record.launched) return {};
  switch (outcome.result) {
    case LaunchResult::over_quota:
      return on_over_quota(std::move(record), outcome.message);
    case LaunchResult::rejected:
    case LaunchResult::clash:
      spdlog::warn("job {} can't be launched: {}", job_id, outcome.message);
      if (record.give_up.empty()) record.give_up = outcome.message;
      return end_attempt(std::move(record), nullptr);
    default:
      return {};  // unanswered: tick asks again
  }
}

// The attempt has not begun: the job goes back to its place, and the attempt's number is used again.
Status Attempts::on_over_quota(JobRecord record, const std::string& message) {
  if (record.state == JobState::cancelling) return end_attempt(std::move(record), nullptr);
  const auto job_id = record.spec.job_id;
  if (!probing_) spdlog::info("job {} waits: {}", job_id, message);
  if (auto status = say_head_waits(message); !status) return status;
  over_quota_ = probing_ = true;
  next_probe_ = now() + probe_wait_;
  probe_wait_ = std::min<std::chrono::milliseconds>(probe_wait_ * 2, longest_probe_wait);
  record.state = JobState::queued;
  record.attempt -= 1;
  record.launching_at = {};
  Changes changes;
  if (auto status = take_in(state_, record, record.estimated_cost); !status) return status;
  changes.put(record);
  if (auto committed = state_.commit(changes); !committed) return fail(committed.error());
  state_.live.erase(job_id);
  return {};
}

// What is left of the live attempts. Looked through at most twice a second, so that a submission costs the same however many run.
double Attempts::remaining_seconds(Time time) {
  if (time - remaining_at_ < remaining_keep) return remaining_seconds_;
  remaining_at_ = time;
  remaining_seconds_ = 0;
  for (const auto& [job_id, running] : state_.live) {
    const auto spent = running.started_at ? seconds_between(*running.started_at, time) : 0;
    remaining_seconds_ += std::max(0.0, running.estimated_seconds - spent);
  }
  return remaining_seconds_;
}

Outlook Attempts::outlook(Time time) {
  Outlook outlook;
  outlook.at = time;
  for (const auto priority : all_priorities) {
    const auto index = static_cast<std::size_t>(priority);
    outlook.queued_jobs[index] = state_.counters.queued[index];
    outlook.queued_seconds[index] = state_.counters.pending_seconds[index];
  }
  outlook.running_seconds = remaining_seconds(time);
  outlook.capacity = state_.capacity();
  outlook.cost_model = state_.cost_model;
  return outlook;
}

}  // namespace oppen::core
