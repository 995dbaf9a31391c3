#include "scheduler/core/holds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "scheduler/core/budget_gate.hpp"
#include "scheduler/core/events.hpp"
#include "scheduler/plan/window.hpp"
#include "schemas/job_events.hpp"

namespace oppen::core {
namespace {

using queue::Changes;
using queue::Hold;
using queue::JobRecord;

constexpr std::size_t at_once =
    250;  // records in a commit: Redis stands still for some milliseconds
constexpr int commits_in_a_row = 4;  // of settle(), each of them of many

// "has failed", behind a job's name.
std::string fate_of(JobState state) {
  return (state == JobState::failed ? "has " : "was ") + std::string(to_string(state));
}

}  // namespace

Hold hold_by_window(const JobSpec& resolved) {
  return resolved.window == "off_peak" ? Hold::window : Hold::none;
}

std::optional<std::string> wrong_dependency(const std::optional<JobRecord>& dependency) {
  if (!dependency) return "there is no such job";
  const auto state = dependency->state;
  if (is_terminal(state) && state != JobState::succeeded) return "that job " + fate_of(state);
  return std::nullopt;
}

std::optional<Refusal> wrong_dependency(const JobSpec& spec,
                                        const std::vector<std::optional<JobRecord>>& found) {
  for (std::size_t i = 0; i < spec.after.size(); ++i) {
    const auto& id = spec.after[i];
    const auto why = id == spec.job_id ? std::optional<std::string>("a job can't wait for itself")
                                       : wrong_dependency(found[i]);
    if (!why) continue;
    const auto field = fmt::format("after[{}]", i);
    return Refusal{"invalid", fmt::format("{} is \"{}\": {}", field, id, *why), field};
  }
  return std::nullopt;
}

void apply_changes(const JobAmend::Changes& changes, JobSpec& spec) {
  if (changes.priority) spec.priority = changes.priority;
  if (changes.window) spec.window = *changes.window;
  if (changes.batch_size) spec.batch_size = changes.batch_size;
  if (changes.spot) spec.spot = *changes.spot;
  if (changes.gpu_type) spec.resources.gpu_type = *changes.gpu_type;
}

std::optional<Refusal> window_never_opens(const JobSpec& spec, Time now,
                                          const pricing::CostModel& model) {
  if (spec.window != "off_peak" || plan::next_open(now, model)) return std::nullopt;
  return Refusal{"not_allowed",
                 "window is \"off_peak\": the off_peak_window of the cost model never opens",
                 "window"};
}

Status Holds::load() {
  const auto held = state_.store.held_for_retry();
  if (!held) return fail(held.error());
  for (const auto& record : *held) state_.retries.emplace(record.not_before, record.spec.job_id);
  state_.settling = true;  // it will be seen that nothing is to be told
  return {};
}

Status Holds::tick() {
  state_.settling = true;  // what could not be told before; next to nothing, when there is none
  const auto now = state_.clock.now();
  while (!state_.retries.empty() && state_.retries.begin()->first <= now) {
    std::vector<std::string> due;
    auto last = state_.retries.begin();
    for (; last != state_.retries.end() && last->first <= now && due.size() < at_once; ++last)
      due.push_back(last->second);
    auto records = state_.store.jobs(due);
    if (!records) return fail(records.error());
    Changes changes;
    for (auto& record : *records) {
      if (!record || record->state != JobState::queued || record->hold != Hold::retry ||
          record->not_before > now) {
        continue;  // cancelled meanwhile, or held anew
      }
      record->hold = hold_by_window(record->spec);
      record->not_before = {};
      if (auto status = take_in(state_, *record); !status) return status;
      changes.put(*record);
    }
    if (!changes.empty()) {
      if (auto committed = state_.commit(std::move(changes)); !committed)
        return fail(committed.error());
    }
    state_.retries.erase(state_.retries.begin(), last);
  }
  return {};
}

Result<bool> Holds::settle() {
  for (int commits = 0; state_.settling && commits < commits_in_a_row; ++commits) {
    const auto ids = state_.store.settling(at_once);
    if (!ids) return fail(ids.error());
    const auto records = state_.store.jobs(*ids);
    if (!records) return fail(records.error());
    Changes open;  // those that have not ended
    std::vector<std::size_t> ended;
    bool waits = false;
    for (std::size_t i = 0; i < ids->size(); ++i) {
      const auto& record = (*records)[i];
      if (record && !is_terminal(record->state)) {
        open.not_settling((*ids)[i]);
      } else if (record || knows_all()) {
        ended.push_back(i);
      } else {
        waits = true;
      }
    }
    if (!open.empty()) {
      if (auto committed = state_.commit(std::move(open)); !committed)
        return fail(committed.error());
    }
    for (const auto i : ended) {
      if (auto status = settle((*ids)[i], (*records)[i]); !status) return fail(status.error());
    }
    // What nobody knows yet is looked at again with the next tick.
    state_.settling = !ids->empty() && !(waits && ended.empty());
  }
  return !state_.settling;
}

// An emptied Redis may learn of a job only when its submission, or its batch, is read again.
bool Holds::knows_all() {
  if (!state_.caught_up) return false;
  const auto open = state_.store.open_batches();
  return open && open->empty();
}

Status Holds::settle(const std::string& job_id, const std::optional<JobRecord>& job) {
  Changes changes;
  const auto ids = state_.store.dependents(job_id);
  if (!ids) return fail(ids.error());
  for (std::size_t begin = 0; begin < ids->size(); begin += at_once) {
    const auto end = std::min(ids->size(), begin + at_once);
    auto records = state_.store.jobs({ids->begin() + static_cast<std::ptrdiff_t>(begin),
                                      ids->begin() + static_cast<std::ptrdiff_t>(end)});
    if (!records) return fail(records.error());
    std::vector<JobRecord*> waiting;
    for (auto& record : *records) {
      if (record && record->state == JobState::queued && record->hold == Hold::dependency)
        waiting.push_back(&*record);
    }
    // A job that is forgotten had ended long ago; had it failed, its dependents had been told.
    if (!job || job->state == JobState::succeeded) {
      if (auto status = let_go(waiting, job_id, changes); !status) return status;
    } else {
      for (auto* record : waiting) fail_dependent(*record, *job, changes);
    }
    if (changes.empty()) continue;
    // What is left of them is gone through again.
    return state_.commit(std::move(changes)).map([](auto&&) {});
  }
  return state_.commit(changes.settled(job_id)).map([](auto&&) {});
}

Status Holds::let_go(std::vector<JobRecord*> records, const std::string& succeeded,
                     Changes& changes) {
  std::set<std::string> others;
  for (const auto* record : records)
    others.insert(record->spec.after.begin(), record->spec.after.end());
  others.erase(succeeded);
  const std::vector<std::string> ids(others.begin(), others.end());
  const auto found = state_.store.jobs(ids);
  if (!found) return fail(found.error());
  std::set<std::string> open;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto& record = (*found)[i];
    if (record ? record->state != JobState::succeeded : !knows_all()) open.insert(ids[i]);
  }
  for (auto* record : records) {
    const auto& after = record->spec.after;
    if (std::any_of(after.begin(), after.end(),
                    [&](const std::string& id) { return open.contains(id); })) {
      continue;
    }
    record->hold = hold_by_window(record->spec);
    if (auto status = take_in(state_, *record); !status) return status;
    changes.put(*record);
  }
  return {};
}

void Holds::fail_dependent(JobRecord& record, const JobRecord& dependency, Changes& changes) {
  const auto now = state_.clock.now();
  record.state = JobState::failed;
  record.seq += 1;
  record.ended_at = now;
  record.failure = FailureClass::dependency;
  record.message = fmt::format("job {}, which this one waits for, {}", dependency.spec.job_id,
                               fate_of(dependency.state));
  AttemptEnd end;
  end.ended_at = now;
  changes.put(record).event(job_entry(
      JobFailed{record.context(), end, *record.failure, std::nullopt, record.message}, now));
}

}  // namespace oppen::core
