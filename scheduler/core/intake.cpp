#include "scheduler/core/intake.hpp"

#include <algorithm>
#include <cmath>

#include "scheduler/core/budget_gate.hpp"
#include "scheduler/core/events.hpp"
#include "scheduler/core/holds.hpp"
#include "scheduler/core/readable.hpp"
#include "schemas/commands.hpp"
#include "schemas/text.hpp"
#include "workers/runtime/log.hpp"

namespace oppen::core {
namespace {

using nlohmann::json;
using queue::Changes;
using queue::JobRecord;

constexpr std::size_t jobs_at_once = 250;  // of a batch that is cancelled

// What can be read of a spec that is refused, for its record: never more than what a valid one
// could hold.
JobSpec readable_spec(const json& data, const std::string& job_id) {
  JobSpec spec;
  spec.job_id = job_id;
  spec.model_type = "unknown";
  const auto take = [&](const char* field, std::string& into) {
    if (!data.contains(field) || !data[field].is_string()) return;
    auto text = data[field].get<std::string>();
    if (!text.empty() && is_label_value(text)) into = std::move(text);
  };
  take("model_type", spec.model_type);
  take("name", spec.name);
  take("team", spec.team);
  take("project", spec.project);
  take("user", spec.user);
  return spec;
}

}  // namespace

Intake::Intake(State& state, Attempts& attempts, Batches& batches)
    : state_(state), attempts_(attempts), batches_(batches) {}

Intake::Verdict Intake::handle(Command& command) {
  const auto& event = command.event;
  if (!command.fault.empty()) return std::optional<std::string>(command.fault);
  if (command.part) return batches_.receive(*command.part, command.part_data(), command.offset());
  if (event.type == JobSubmit::type) {
    if (!submitted_job(command).empty()) {
      const Command* one[] = {&command};
      return submit(one).map([] { return std::optional<std::string>(); });
    }
    return std::optional<std::string>(sentences(parse_data<JobSubmit>(event.data).error()));
  }
  if (event.type == JobCancel::type) return cancel(event, command.offset());
  if (event.type == JobAmend::type) return amend(event, command.offset());
  return std::optional<std::string>(
      "ce_type is \"" + event.type.substr(0, 100) + "\": expected " + std::string(JobSubmit::type) +
      ", " + std::string(BatchSubmit::type) + ", " + std::string(JobCancel::type) + " or " +
      std::string(JobAmend::type));
}

Status Intake::skip(std::int64_t offset) {
  return state_.commit(Changes().cause(std::string(topics::jobs), offset)).map([](auto&&) {});
}

std::string Intake::submitted_job(const Command& command) {
  return command.fault.empty() && command.event.type == JobSubmit::type
             ? readable_id(command.event.data, "job_id")
             : std::string();
}

bool Intake::names_dependencies(const Command& command) {
  const auto after = command.event.data.find("after");
  return after != command.event.data.end() && after->is_array() && !after->empty();
}

Status Intake::submit(std::span<const Command* const> commands) {
  std::vector<std::string> ids;
  for (const auto* command : commands) ids.push_back(submitted_job(*command));
  if (auto status = batches_.decide_first(ids); !status) return status;
  // What it waits for may be such a job, too.
  for (const auto* command : commands) {
    if (!names_dependencies(*command)) continue;
    if (auto status = decide_dependencies_first(*command); !status) return status;
  }
  const auto known = state_.store.jobs(ids);
  if (!known) return fail(known.error());
  Joining joining{attempts_.outlook(state_.clock.now()),
                  UserLimit(state_.store, state_.policy->max_jobs_per_user), Changes()};
  joining.changes.cause(std::string(topics::jobs), commands.back()->offset());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (auto status = submit_one(*commands[i], ids[i], (*known)[i], joining); !status)
      return status;
  }
  return state_.commit(joining.changes).map([](auto&&) {});
}

Status Intake::submit_one(const Command& command, const std::string& job_id,
                          const std::optional<JobRecord>& earlier, Joining& joining) {
  auto& changes = joining.changes;
  const auto now = joining.outlook.at;
  const auto offset = command.offset();
  // Read again after Redis came back older than the log: this command, or one before it of the same id, is answered.
  const bool settled = earlier && offset <= queue::offset_of(earlier->place);
  if (settled && offset < state_.replay_until) return {};
  const auto parsed = parse_data<JobSubmit>(command.event.data);
  // What was rejected may be submitted anew; everything else is known for the horizon.
  if (earlier && earlier->state != JobState::rejected) {
    const bool conflict = !parsed || spec_hash(parsed->spec) != earlier->submitted_hash;
    const JobDuplicate event{earlier->context(), earlier->submitted_at, conflict};
    changes.event(answer_entry(job_id, "duplicate", offset, event, now));
    return {};
  }
  auto record = parsed ? admit(parsed->spec, state_.rules())
                       : tl::unexpected<Refusal>(refusal_of(parsed.error()));
  if (record) {
    const auto too_many = joining.users.refusal({{record->spec.user, 1}});
    if (!too_many) return fail(too_many.error());
    if (*too_many) record = tl::unexpected<Refusal>(**too_many);
  }
  if (record) {
    const auto wrong = hold(*record, changes);
    if (!wrong) return fail(wrong.error());
    if (*wrong) record = tl::unexpected<Refusal>(**wrong);
  }
  if (!record) {
    reject(command, job_id, earlier, record.error(), now, changes);
    return {};
  }
  if (earlier) {
    record->version = earlier->version;
    record->seq = earlier->seq;
  }
  joining.users.add(record->spec.user);
  return queue_job(std::move(*record), offset, joining.outlook, changes);
}

Status Intake::decide_dependencies_first(const Command& command) {
  std::vector<std::string> ids;
  for (const auto& id : command.event.data.at("after")) {
    if (id.is_string()) ids.push_back(id.get<std::string>());
  }
  return batches_.decide_first(ids);
}

Result<std::optional<Refusal>> Intake::hold(JobRecord& record, Changes& changes) {
  const auto& spec = record.spec;
  if (auto refused = window_never_opens(spec, state_.clock.now(), *state_.cost_model))
    return refused;
  record.hold = hold_by_window(spec);
  if (spec.after.empty()) return std::optional<Refusal>();
  const auto found = state_.store.jobs(spec.after);
  if (!found) return fail(found.error());
  if (auto wrong = wrong_dependency(spec, *found)) return wrong;
  const auto has_succeeded = [](const std::optional<JobRecord>& one) {
    return one->state == JobState::succeeded;
  };
  if (std::all_of(found->begin(), found->end(), has_succeeded)) return std::optional<Refusal>();
  record.hold = queue::Hold::dependency;
  for (std::size_t i = 0; i < spec.after.size(); ++i) {
    if (!has_succeeded((*found)[i])) changes.depends(spec.job_id, spec.after[i]);
  }
  return std::optional<Refusal>();
}

Status Intake::queue_job(JobRecord record, std::int64_t offset, Outlook& outlook,
                         Changes& changes) {
  record.state = JobState::queued;
  record.seq += 1;
  record.place = queue::place_of(offset, 0);
  record.submitted_at = outlook.at;
  if (!state_.budgets.empty()) record.control_from = state_.control_read;
  JobQueued event = expectation(record, outlook);
  record.estimated_cost = event.estimated_cost;
  record.expected_wait_seconds = std::llround(event.estimated_wait_seconds);
  event.job = record.context();
  event.source_offset = offset;
  event.submitted_hash = record.submitted_hash;
  if (auto status = take_in(state_, record); !status) return status;
  changes.put(record).event(job_entry(event, outlook.at));
  // It stands before the next of the same commit.
  const auto priority = static_cast<std::size_t>(record.priority);
  ++outlook.queued_jobs[priority];
  outlook.queued_seconds[priority] += record.estimated_seconds;
  return {};
}

void Intake::reject(const Command& command, const std::string& job_id,
                    const std::optional<JobRecord>& earlier, const Refusal& refusal, Time now,
                    Changes& changes) {
  JobRecord record;
  record.spec = readable_spec(command.event.data, job_id);
  record.version = earlier ? earlier->version : 0;
  record.seq = (earlier ? earlier->seq : 0) + 1;
  record.state = JobState::rejected;
  record.place = queue::place_of(command.offset(), 0);
  record.submitted_at = now;
  record.ended_at = now;
  record.reason = refusal.reason;
  changes.put(record).event(job_entry(
      JobRejected{record.context(), refusal.code, refusal.reason, refusal.field, command.offset()},
      now));
}

Intake::Verdict Intake::cancel(const CloudEvent& event, std::int64_t offset) {
  const auto parsed = parse_data<JobCancel>(event.data);
  if (!parsed) return std::optional<std::string>(sentences(parsed.error()));
  const auto handled = [](const Status& status) {
    return status.map([] { return std::optional<std::string>(); });
  };
  Changes last;
  last.cause(std::string(topics::jobs), offset);
  if (!parsed->job_id.empty()) {
    const std::span<const std::string> one(&parsed->job_id, 1);
    if (auto status = batches_.decide_first(one); !status) return fail(status.error());
    return handled(cancel_jobs(*parsed, one, offset, std::move(last)));
  }

  const auto undecided = batches_.cancel_undecided(*parsed, offset);
  if (!undecided) return fail(undecided.error());
  if (*undecided) return std::optional<std::string>();
  const auto jobs = batches_.jobs_of(parsed->batch_id);
  if (!jobs) return fail(jobs.error());
  if (auto status = batches_.decide_first(*jobs); !status) return fail(status.error());
  const auto open = any_open(*jobs);
  if (!open) return fail(open.error());
  if (!*open) {
    JobCancelRefused refused;
    refused.batch_id = parsed->batch_id;
    refused.why = jobs->empty() ? "unknown" : "finished";
    refused.requested_by = parsed->requested_by;
    last.event(
        answer_entry(parsed->batch_id, "cancel-refused", offset, refused, state_.clock.now()));
  }
  // Some at a time, and the offset with the last of them: a crash in between cancels the rest again, and those that are cancelled
  // already stay so.
  const std::span<const std::string> all(*jobs);
  std::size_t begin = 0;
  for (; *open && begin + jobs_at_once < all.size(); begin += jobs_at_once) {
    if (auto status = cancel_jobs(*parsed, all.subspan(begin, jobs_at_once), offset, Changes());
        !status)
      return fail(status.error());
  }
  return handled(
      cancel_jobs(*parsed, *open ? all.subspan(begin) : all.first(0), offset, std::move(last)));
}

Result<bool> Intake::any_open(const std::vector<std::string>& job_ids) {
  for (std::size_t begin = 0; begin < job_ids.size(); begin += jobs_at_once) {
    const auto end = std::min(job_ids.size(), begin + jobs_at_once);
    const auto records = state_.store.jobs({job_ids.begin() + static_cast<std::ptrdiff_t>(begin),
                                            job_ids.begin() + static_cast<std::ptrdiff_t>(end)});
    if (!records) return fail(records.error());
    for (const auto& record : *records) {
      if (record && !is_terminal(record->state)) return true;
    }
  }
  return false;
}

Status Intake::cancel_jobs(const JobCancel& command, std::span<const std::string> job_ids,
                           std::int64_t offset, Changes changes) {
  auto found = state_.store.jobs({job_ids.begin(), job_ids.end()});
  if (!found) return fail(found.error());
  std::vector<JobRecord> cancelling;
  for (std::size_t i = 0; i < job_ids.size(); ++i) {
    auto& record = (*found)[i];
    cancel_job(command, job_ids[i], record, offset, changes);
    if (record && record->state == JobState::cancelling) cancelling.push_back(std::move(*record));
  }
  if (changes.empty()) return {};
  if (auto committed = state_.commit(changes); !committed) return fail(committed.error());
  for (const auto& record : cancelling) attempts_.cancel(record);
  return {};
}

void Intake::cancel_job(const JobCancel& command, const std::string& job_id,
                        std::optional<JobRecord>& found, std::int64_t offset, Changes& changes) {
  const auto now = state_.clock.now();
  const bool of_batch = !command.batch_id.empty();
  const bool replay = offset < state_.replay_until;
  // It was submitted after this cancel, which was refused.
  if (replay && found && offset < queue::offset_of(found->place)) return;
  if (!found || is_terminal(found->state)) {
    if (of_batch) return;  // the rest of its batch is cancelled
    if (replay && found && found->state == JobState::cancelled) return;  // by this very command
    JobCancelRefused refused;
    refused.job_id = job_id;
    refused.why = found ? "finished" : "unknown";
    refused.requested_by = command.requested_by;
    changes.event(answer_entry(job_id, "cancel-refused", offset, refused, now));
    return;
  }
  auto& record = *found;
  if (record.state == JobState::cancelling) return;  // job.cancelled will answer this one too
  record.requested_by = command.requested_by;
  record.reason = command.reason;
  record.cancelled_from = record.state;
  if (record.state != JobState::queued) {
    record.state = JobState::cancelling;
    changes.put(record);
    return;
  }
  record.state = JobState::cancelled;
  record.seq += 1;
  record.ended_at = now;
  JobCancelled event;
  event.job = record.context();
  event.end.ended_at = now;
  event.requested_by = record.requested_by;
  event.reason = record.reason;
  changes.put(record).event(job_entry(event, now));
}

Intake::Verdict Intake::amend(const CloudEvent& event, std::int64_t offset) {
  const auto parsed = parse_data<JobAmend>(event.data);
  if (!parsed) return std::optional<std::string>(sentences(parsed.error()));
  if (auto status = batches_.decide_first({&parsed->job_id, 1}); !status)
    return fail(status.error());
  auto found = state_.store.job(parsed->job_id);
  if (!found) return fail(found.error());
  Changes changes;
  changes.cause(std::string(topics::jobs), offset);
  auto& record = *found;
  const auto kept = record && record->reserved ? record->estimated_cost : MicroUsd{};
  // Read again after Redis came back older than the log: it is done, or was refused before the job was submitted.
  if (record && (offset <= record->amended_offset || offset < queue::offset_of(record->place)))
    return skip(offset).map([] { return std::optional<std::string>(); });
  JobAmendRefused refused{parsed->job_id, "", "", "", parsed->requested_by};
  if (!record) {
    refused.why = "unknown";
  } else if (record->state != JobState::queued) {
    refused.why = is_terminal(record->state) ? "finished" : "started";
  } else if (const auto wrong = amend_record(*record, *parsed)) {
    refused.why = wrong->code;
    refused.reason = wrong->reason;
    refused.field = wrong->field;
  }
  const auto now = state_.clock.now();
  if (!refused.why.empty()) {
    changes.event(answer_entry(parsed->job_id, "amend-refused", offset, refused, now));
  } else {
    record->seq += 1;
    record->amended_offset = offset;
    if (auto status = take_in(state_, *record, kept); !status) return fail(status.error());
    JobAmended amended;
    amended.job = record->context();
    amended.changes = event.data.at("changes");
    amended.requested_by = parsed->requested_by;
    amended.source_offset = offset;
    changes.put(*record).event(job_entry(amended, now));
  }
  return state_.commit(std::move(changes)).map([](auto&&) { return std::optional<std::string>(); });
}

std::optional<Refusal> Intake::amend_record(JobRecord& record, const JobAmend& amend) {
  auto spec = record.spec;
  apply_changes(amend.changes, spec);
  if (auto refused = window_never_opens(spec, state_.clock.now(), *state_.cost_model))
    return refused;
  auto anew = admit_again(spec, record.own_limit, state_.rules());
  if (!anew) return anew.error();
  record.spec = std::move(anew->spec);
  record.priority = anew->priority;
  record.estimated_seconds = anew->estimated_seconds;
  record.spread_permille = anew->spread_permille;
  record.doubt_permille = anew->doubt_permille;
  // What it waits for it goes on waiting for.
  if (record.hold != queue::Hold::dependency && record.hold != queue::Hold::retry)
    record.hold = hold_by_window(record.spec);
  const auto approved = record.estimated_cost;
  record.estimated_cost = expectation(record, attempts_.outlook(state_.clock.now())).estimated_cost;
  if (record.estimated_cost > approved) record.approved_by.clear();
  return std::nullopt;
}

}  // namespace oppen::core
