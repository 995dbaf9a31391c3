#include "scheduler/core/heal.hpp"

#include "scheduler/core/events.hpp"
#include "scheduler/core/readable.hpp"
#include "schemas/commands.hpp"
#include "workers/runtime/log.hpp"

namespace oppen::core {
namespace {

using namespace std::chrono_literals;
using client::TopicPartition;
using queue::JobRecord;

constexpr auto kafka_deadline = 10s;

void take_end(JobRecord& record, const AttemptEnd& end) {
  record.node = end.node;
  record.gpu_type = end.gpu_type;
  record.started_at = end.started_at;
  record.ended_at = end.ended_at;
}

// The parts of a record that every event carries.
void take_context(JobRecord& record, const JobContext& job) {
  record.seq = job.seq;
  record.attempt = job.attempt;
  record.state = job.state;
  record.priority = job.priority;
  record.batch_id = job.batch_id;
}

template <class Event, class Take>
bool apply(const CloudEvent& event, std::optional<JobRecord>& record, Take take) {
  const auto parsed = parse_data<Event>(event.data);
  if (!parsed || (record && parsed->job.seq <= record->seq)) return false;
  // Without job.queued (older than what is kept) the spec is not known; what is live then is found
  // by its pod.
  if (!record) {
    record.emplace();
    record->spec.job_id = parsed->job.job_id;
    record->spec.model_type = parsed->job.model_type.empty() ? "unknown" : parsed->job.model_type;
    record->submitted_at = event.time;
  }
  take_context(*record, parsed->job);
  take(*record, *parsed);
  return true;
}

}  // namespace

bool apply_fact(const CloudEvent& event, std::optional<JobRecord>& record) {
  if (event.type == JobQueued::type) {
    return apply<JobQueued>(event, record, [&](JobRecord& r, const JobQueued& e) {
      r.spec = e.spec;
      r.place = queue::place_of(e.source_offset, e.batch_index);
      r.estimated_cost = e.estimated_cost;
      r.estimated_seconds = e.estimated_duration_seconds;
      r.submitted_hash = e.submitted_hash;
      r.submitted_at = event.time;
    });
  }
  if (event.type == JobRejected::type) {
    return apply<JobRejected>(event, record, [&](JobRecord& r, const JobRejected& e) {
      r.reason = e.reason;
      r.ended_at = event.time;
    });
  }
  if (event.type == JobLaunched::type) {
    return apply<JobLaunched>(event, record, [&](JobRecord& r, const JobLaunched&) {
      r.launched = true;
      r.pod_uid.clear();
      r.launching_at = event.time;
    });
  }
  if (event.type == JobStarted::type) {
    return apply<JobStarted>(event, record, [](JobRecord& r, const JobStarted& e) {
      r.launched = true;
      r.node = e.node;
      r.gpu_type = e.gpu_type;
      r.started_at = e.started_at;
    });
  }
  if (event.type == JobSucceeded::type) {
    return apply<JobSucceeded>(event, record, [](JobRecord& r, const JobSucceeded& e) {
      take_end(r, e.end);
      r.metrics = e.metrics;
    });
  }
  if (event.type == JobFailed::type) {
    return apply<JobFailed>(event, record, [](JobRecord& r, const JobFailed& e) {
      take_end(r, e.end);
      r.failure = e.failure;
      r.exit_code = e.exit_code;
      r.message = e.message;
    });
  }
  if (event.type == JobCancelled::type) {
    return apply<JobCancelled>(event, record, [](JobRecord& r, const JobCancelled& e) {
      take_end(r, e.end);
      r.requested_by = e.requested_by;
      r.reason = e.reason;
      r.cancelled_from = e.was;
    });
  }
  if (event.type == JobRequeued::type) {
    return apply<JobRequeued>(event, record, [](JobRecord& r, const JobRequeued&) {
      r.launched = false;
      r.pod_uid.clear();
      r.node.clear();
      r.gpu_type.clear();
      r.started_at.reset();
      r.ended_at.reset();
    });
  }
  return false;
}

namespace {

// Without its record a batch.submit that is read again would be decided again.
void note_batch(const CloudEvent& event, queue::Changes& changes) {
  nlohmann::json record{{"first_seen", event.time.time_since_epoch().count()},
                        {"parts", 1},
                        {"received", nlohmann::json::object()}};
  std::string batch_id;
  if (const auto queued = parse_data<BatchQueued>(event.data);
      queued && event.type == BatchQueued::type) {
    batch_id = queued->batch_id;
    record.update({{"state", "queued"}, {"jobs", queued->jobs}, {"offset", queued->source_offset}});
  } else if (const auto rejected = parse_data<BatchRejected>(event.data);
             rejected && event.type == BatchRejected::type) {
    batch_id = rejected->batch_id;
    record.update({{"state", "rejected"}, {"offset", rejected->source_offset}});
  }
  if (!batch_id.empty()) changes.value("batch:" + batch_id, record.dump(), queue::horizon);
}

}  // namespace

Result<Healed> heal(State& state, client::Consumer& consumer, std::stop_token stop) {
  const auto count = consumer.partition_count(topics::job_events, kafka_deadline);
  if (!count) return fail(count.error());
  std::map<TopicPartition, std::int64_t> start;
  std::map<int, std::int64_t> until;
  for (int partition = 0; partition < *count; ++partition) {
    const TopicPartition where{std::string(topics::job_events), partition};
    const auto marks = consumer.watermarks(where, kafka_deadline);
    if (!marks) return fail(marks.error());
    const auto stored = state.store.meta("next:job-events:" + std::to_string(partition));
    if (!stored) return fail(stored.error());
    const auto from = std::max<std::int64_t>(
        marks->low, *stored ? std::strtoll((*stored)->c_str(), nullptr, 10) : 0);
    if (from > marks->high) {
      return fail(ErrorKind::fatal, "Redis has acknowledged offset " + std::to_string(from) +
                                        " of job-events partition " + std::to_string(partition) +
                                        ", the log ends at " + std::to_string(marks->high) +
                                        ": Kafka has lost data or is another one; start with a "
                                        "Redis of its own, or bring the log back");
    }
    if (from == marks->high) continue;
    start[where] = from;
    until[partition] = marks->high;
  }
  Healed healed;
  std::int64_t next_command = 0;
  if (!start.empty()) {
    if (auto status = consumer.assign(start); !status) return fail(status.error());
  }
  while (!until.empty() && !stop.stop_requested()) {
    const auto record = consumer.poll(500ms);
    if (!record) return fail(record.error());
    if (!*record) continue;
    const auto& consumed = **record;
    ++healed.events;
    if (const auto event = decode(consumed.record); event) {
      queue::Changes changes;
      note_batch(*event, changes);
      const auto job_id = readable_id(event->data, "job_id");
      if (!job_id.empty()) {
        auto known = state.store.job(job_id);
        if (!known) return fail(known.error());
        if (apply_fact(*event, *known)) {
          changes.put(**known);
          ++healed.applied;
        }
        if (*known) next_command = std::max(next_command, queue::offset_of((*known)->place) + 1);
      }
      if (!changes.empty()) {
        if (auto committed = state.commit(changes); !committed) return fail(committed.error());
      }
    }
    const auto mark = until.find(consumed.partition);
    if (mark != until.end() && consumed.offset + 1 >= mark->second) until.erase(mark);
  }
  if (stop.stop_requested()) return fail(ErrorKind::unavailable, "stopping");
  // An older Redis reads again the commands that it has forgotten: those that an event answers are
  // recognised by their offset. An empty one has nothing to go by but the events.
  const auto stored = state.store.meta("next:jobs");
  if (!stored) return fail(stored.error());
  if (!*stored) {
    queue::Changes changes;
    changes.meta("next:jobs", std::to_string(next_command));
    if (auto committed = state.commit(changes); !committed) return fail(committed.error());
  }
  if (healed.applied > 0) {
    spdlog::info("read {} job events, {} of them newer than Redis", healed.events, healed.applied);
  }
  return healed;
}

}  // namespace oppen::core
