#include "scheduler/core/intake.hpp"

#include "scheduler/core/events.hpp"
#include "scheduler/core/readable.hpp"
#include "schemas/commands.hpp"
#include "schemas/text.hpp"
#include "workers/runtime/log.hpp"

namespace oppen::core {
namespace {

using nlohmann::json;
using queue::Changes;
using queue::JobRecord;

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

Intake::Verdict Intake::handle(const Command& command) {
  const auto& event = command.event;
  if (!command.fault.empty()) return std::optional<std::string>(command.fault);
  if (command.part) return batches_.receive(*command.part, command.part_data, command.offset);
  if (event.type == JobSubmit::type) return submit(event, command.offset);
  if (event.type == JobCancel::type) return cancel(event, command.offset);
  if (event.type == JobAmend::type) return amend(event);
  return std::optional<std::string>(
      "ce_type is \"" + event.type.substr(0, 100) + "\": expected " +
      std::string(JobSubmit::type) + ", " + std::string(BatchSubmit::type) + ", " +
      std::string(JobCancel::type) + " or " + std::string(JobAmend::type));
}

Status Intake::skip(std::int64_t offset) {
  return state_.commit(Changes().cause(std::string(topics::jobs), offset)).map([](auto&&) {});
}

Intake::Verdict Intake::submit(const CloudEvent& event, std::int64_t offset) {
  auto parsed = parse_data<JobSubmit>(event.data);
  const auto job_id = parsed ? parsed->spec.job_id : readable_id(event.data, "job_id");
  if (job_id.empty()) return std::optional<std::string>(sentences(parsed.error()));

  const auto earlier = state_.store.job(job_id);
  if (!earlier) return fail(earlier.error());
  // Read again after Redis came back older than the log: this command, or one before it of the same id, is answered.
  const bool settled =
      *earlier && ((*earlier)->state == JobState::rejected ||  // its event does not tell the offset
                   offset <= queue::offset_of((*earlier)->place));
  if (settled && offset < state_.replay_until) {
    return state_.commit(Changes().cause(std::string(topics::jobs), offset)).map([](auto&&) {
      return std::optional<std::string>();
    });
  }
  // What was rejected may be submitted anew; everything else is known for the horizon.
  if (*earlier && (*earlier)->state != JobState::rejected) {
    const bool conflict = !parsed || spec_hash(parsed->spec) != (*earlier)->submitted_hash;
    return duplicate(**earlier, conflict, offset).map([] { return std::optional<std::string>(); });
  }
  auto record = parsed ? admit(parsed->spec, {state_.policy, state_.quotas, state_.limits})
                       : tl::unexpected<Refusal>(refusal_of(parsed.error()));
  Status done;
  if (record) {
    if (*earlier) {
      record->version = (*earlier)->version;
      record->seq = (*earlier)->seq;
    }
    done = queue_job(std::move(*record), offset);
  } else {
    done = reject(event.data, job_id, *earlier, record.error(), offset);
  }
  return done.map([] { return std::optional<std::string>(); });
}

Status Intake::queue_job(JobRecord record, std::int64_t offset) {
  const auto now = state_.clock.now();
  record.state = JobState::queued;
  record.seq += 1;
  record.place = queue::place_of(offset, 0);
  record.submitted_at = now;
  JobQueued event = expectation(record, attempts_.outlook(now));
  record.estimated_cost = event.estimated_cost;
  event.job = record.context();
  event.source_offset = offset;
  event.submitted_hash = record.submitted_hash;
  Changes changes;
  changes.cause(std::string(topics::jobs), offset).put(record).event(job_entry(event, now));
  return state_.commit(changes).map([](auto&&) {});
}

Status Intake::reject(const json& data, const std::string& job_id,
                      const std::optional<JobRecord>& earlier, const Refusal& refusal,
                      std::int64_t offset) {
  const auto now = state_.clock.now();
  JobRecord record;
  record.spec = readable_spec(data, job_id);
  record.version = earlier ? earlier->version : 0;
  record.seq = (earlier ? earlier->seq : 0) + 1;
  record.state = JobState::rejected;
  record.place = queue::place_of(offset, 0);
  record.submitted_at = now;
  record.ended_at = now;
  record.reason = refusal.reason;
  Changes changes;
  changes.cause(std::string(topics::jobs), offset)
      .put(record)
      .event(job_entry(JobRejected{record.context(), refusal.code, refusal.reason, refusal.field},
                       now));
  return state_.commit(changes).map([](auto&&) {});
}

Status Intake::duplicate(const JobRecord& first, bool conflict, std::int64_t offset) {
  const JobDuplicate event{first.context(), first.submitted_at, conflict};
  Changes changes;
  changes.cause(std::string(topics::jobs), offset)
      .event(answer_entry(first.spec.job_id, "duplicate", offset, event, state_.clock.now()));
  return state_.commit(changes).map([](auto&&) {});
}

Intake::Verdict Intake::cancel(const CloudEvent& event, std::int64_t offset) {
  const auto parsed = parse_data<JobCancel>(event.data);
  if (!parsed) return std::optional<std::string>(sentences(parsed.error()));
  Changes last;
  last.cause(std::string(topics::jobs), offset);
  if (!parsed->job_id.empty()) {
    if (auto status = cancel_job(*parsed, parsed->job_id, offset, last); !status)
      return fail(status.error());
  } else {
    const auto undecided = batches_.cancel_undecided(*parsed, offset);
    if (!undecided) return fail(undecided.error());
    if (*undecided) return std::optional<std::string>();
    const auto jobs = batches_.jobs_of(parsed->batch_id);
    if (!jobs) return fail(jobs.error());
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
    // Each by itself and only then the offset: a crash in between cancels the rest again, and those
    // that are cancelled already stay so.
    for (const auto& job_id : *jobs) {
      Changes one;
      if (auto status = cancel_job(*parsed, job_id, offset, one); !status)
        return fail(status.error());
    }
  }
  if (last.empty()) return std::optional<std::string>();
  return state_.commit(last).map([](auto&&) { return std::optional<std::string>(); });
}

Result<bool> Intake::any_open(const std::vector<std::string>& job_ids) {
  constexpr std::size_t at_once = 500;
  for (std::size_t begin = 0; begin < job_ids.size(); begin += at_once) {
    const auto end = std::min(job_ids.size(), begin + at_once);
    const auto records = state_.store.jobs({job_ids.begin() + static_cast<std::ptrdiff_t>(begin),
                                            job_ids.begin() + static_cast<std::ptrdiff_t>(end)});
    if (!records) return fail(records.error());
    for (const auto& record : *records) {
      if (record && !is_terminal(record->state)) return true;
    }
  }
  return false;
}

// Commits the cancel of one job together with what `changes` holds, and empties it; a refusal is only added to it.
Status Intake::cancel_job(const JobCancel& command, const std::string& job_id, std::int64_t offset,
                          Changes& changes) {
  auto found = state_.store.job(job_id);
  if (!found) return fail(found.error());
  const auto now = state_.clock.now();
  const bool of_batch = !command.batch_id.empty();
  const bool replay = offset < state_.replay_until;
  // It was submitted after this cancel, which was refused.
  if (replay && *found && offset < queue::offset_of((*found)->place)) return {};
  if (!*found || is_terminal((*found)->state)) {
    if (of_batch) return {};  // the rest of its batch is cancelled
    if (replay && *found && (*found)->state == JobState::cancelled)
      return {};  // by this very command
    JobCancelRefused refused;
    refused.job_id = job_id;
    refused.why = *found ? "finished" : "unknown";
    refused.requested_by = command.requested_by;
    changes.event(answer_entry(job_id, "cancel-refused", offset, refused, now));
    return {};
  }
  auto& record = **found;
  if (record.state == JobState::cancelling) return {};  // job.cancelled will answer this one too
  record.requested_by = command.requested_by;
  record.reason = command.reason;
  record.cancelled_from = record.state;
  if (record.state != JobState::queued) {
    record.state = JobState::cancelling;
    changes.put(record);
    if (auto committed = state_.commit(changes); !committed) return fail(committed.error());
    changes = Changes();
    attempts_.cancel(record);
    return {};
  }
  record.state = JobState::cancelled;
  record.seq += 1;
  record.ended_at = now;
  JobCancelled event{record.context(), {}, record.requested_by, record.reason, JobState::queued};
  event.end.ended_at = now;
  changes.put(record).event(job_entry(event, now));
  auto committed = state_.commit(changes);
  changes = Changes();
  return committed.map([](auto&&) {});
}

Intake::Verdict Intake::amend(const CloudEvent& event) {
  const auto parsed = parse_data<JobAmend>(event.data);
  if (!parsed) return std::optional<std::string>(sentences(parsed.error()));
  // Its answer would be job.amended, which must be true.
  return std::optional<std::string>("job_id is \"" + parsed->job_id +
                                    "\": amending a job is not available yet; cancel " +
                                    "it and submit it anew under another id");
}

}  // namespace oppen::core
