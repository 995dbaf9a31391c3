#include "scheduler/core/heal.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "scheduler/core/events.hpp"
#include "scheduler/core/holds.hpp"
#include "scheduler/core/kafka_deadline.hpp"
#include "scheduler/core/learning.hpp"
#include "scheduler/core/proposals.hpp"
#include "scheduler/core/readable.hpp"
#include "scheduler/core/retry.hpp"
#include "schemas/commands.hpp"
#include "workers/runtime/log.hpp"

namespace oppen::core {
namespace {

using namespace std::chrono_literals;
using client::TopicPartition;
using queue::JobRecord;

void take_end(JobRecord& record, const AttemptEnd& end) {
  record.node = end.node;
  record.gpu_type = end.gpu_type;
  record.started_at = end.started_at;
  record.ended_at = end.ended_at;
}

JobSpec::ResourceRequest request_of(const Resources& resources) {
  JobSpec::ResourceRequest request;
  if (resources.gpu_share) {
    request.gpu_share = resources.gpu_share;
  } else {
    request.gpus = resources.gpus;
  }
  request.gpu_type = resources.gpu_type;
  request.cpu_millicores = resources.cpu_millicores;
  request.memory_bytes = resources.memory_bytes;
  return request;
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
    record->spec.name = parsed->job.name;
    record->spec.team = parsed->job.team;
    record->spec.project = parsed->job.project;
    record->spec.user = parsed->job.user;
    // A job that was rejected has none.
    if (parsed->job.epochs > 0) record->spec.epochs = parsed->job.epochs;
    if (parsed->job.batch_size > 0) record->spec.batch_size = parsed->job.batch_size;
    record->spec.resources = request_of(parsed->job.resources);
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
      r.hold = e.spec.after.empty() ? hold_by_window(e.spec) : queue::Hold::dependency;
      r.place = queue::place_of(e.source_offset, e.batch_index);
      r.estimated_cost = e.estimated_cost;
      r.estimated_seconds = e.estimated_duration_seconds;
      r.submitted_hash = e.submitted_hash;
      r.submitted_at = event.time;
      r.expected_wait_seconds = std::llround(e.estimated_wait_seconds);
      r.ended_at.reset();  // of a rejection before it
      r.reason.clear();
    });
  }
  if (event.type == JobRejected::type) {
    return apply<JobRejected>(event, record, [&](JobRecord& r, const JobRejected& e) {
      r.reason = e.reason;
      r.place = queue::place_of(e.source_offset, 0);
      r.ended_at = event.time;
    });
  }
  if (event.type == JobAmended::type) {
    return apply<JobAmended>(event, record, [](JobRecord& r, const JobAmended& e) {
      r.amended_offset = e.source_offset;
      const auto amend = parse_data<JobAmend>({{"job_id", e.job.job_id}, {"changes", e.changes}});
      if (!amend) return;
      apply_changes(amend->changes, r.spec);
      if (r.hold == queue::Hold::none || r.hold == queue::Hold::window)
        r.hold = hold_by_window(r.spec);
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
    return apply<JobRequeued>(event, record,
                              [](JobRecord& r, const JobRequeued& e) { take_retry(r, e); });
  }
  return false;
}

namespace {

// Without its record a batch.submit that is read again would be decided again.
Status note_batch(const CloudEvent& event, State& state, queue::Changes& changes) {
  nlohmann::json record{{"first_seen", event.time.time_since_epoch().count()},
                        {"parts", 1},
                        {"received", nlohmann::json::object()}};
  std::string batch_id;
  std::int64_t offset = 0;
  if (event.type == BatchQueued::type) {
    const auto queued = parse_data<BatchQueued>(event.data);
    if (!queued) return {};
    batch_id = queued->batch_id;
    offset = queued->source_offset;
    record.update({{"state", "queued"}, {"jobs", queued->jobs}});
  } else if (event.type == BatchRejected::type) {
    const auto rejected = parse_data<BatchRejected>(event.data);
    if (!rejected) return {};
    batch_id = rejected->batch_id;
    offset = rejected->source_offset;
    record.update({{"state", "rejected"}});
  } else {
    return {};
  }
  record["offset"] = offset;
  const auto stored = state.store.value("batch:" + batch_id);
  if (!stored) return fail(stored.error());
  if (*stored) {
    const auto known = nlohmann::json::parse(**stored, nullptr, false);
    if (known.is_object() && known.value("offset", std::int64_t{-1}) >= offset) return {};
  }
  changes.value("batch:" + batch_id, record.dump(), queue::horizon);
  return {};
}

// Where the log goes on from what Redis has acknowledged, and where it ends now.
struct Span {
  std::int64_t from = 0;
  std::int64_t until = 0;
};

Result<std::map<int, Span>> unread(State& state, client::Consumer& consumer) {
  const auto count = consumer.partition_count(topics::job_events, kafka_deadline);
  if (!count) return fail(count.error());
  std::map<int, Span> spans;
  for (int partition = 0; partition < *count; ++partition) {
    const auto marks =
        consumer.watermarks({std::string(topics::job_events), partition}, kafka_deadline);
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
    if (from < marks->high) spans[partition] = {from, marks->high};
  }
  return spans;
}

// Applies a group of records at once: one read of the jobs they are about, one commit.
class Group {
 public:
  explicit Group(State& state) : state_(state) {}

  void add(const client::ConsumedRecord& record) {
    next_[record.partition] = record.offset + 1;
    if (auto event = decode(record.record); event) events_.push_back(std::move(*event));
    ++records_;
  }
  std::size_t size() const { return records_; }

  // How many events were newer than Redis.
  Result<std::int64_t> apply() {
    queue::Changes changes;
    std::vector<std::string> ids;
    for (const auto& event : events_) {
      if (auto status = note_batch(event, state_, changes); !status) return fail(status.error());
      if (auto id = readable_id(event.data, "job_id"); !id.empty()) ids.push_back(std::move(id));
    }
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    auto known = state_.store.jobs(ids);
    if (!known) return fail(known.error());
    std::map<std::string, std::optional<JobRecord>> jobs;
    for (std::size_t i = 0; i < ids.size(); ++i) jobs[ids[i]] = std::move(known->at(i));

    std::int64_t applied = 0;
    std::set<std::string> changed;
    for (const auto& event : events_) {
      const auto job = jobs.find(readable_id(event.data, "job_id"));
      if (job == jobs.end() || !apply_fact(event, job->second)) continue;
      ++applied;
      if (event.type == JobSucceeded::type) learn_again(event, *job->second, changes);
      if (event.type == JobQueued::type && !job->second->spec.after.empty()) dependents_ = true;
      changed.insert(job->first);
    }
    for (auto& [id, record] : jobs) {
      if (changed.contains(id)) changes.put(*record);
      if (record) next_command_ = std::max(next_command_, queue::offset_of(record->place) + 1);
    }
    for (const auto& [partition, next] : next_) {
      changes.meta("next:job-events:" + std::to_string(partition), std::to_string(next));
    }
    // What Redis has forgotten of the jobs' events it may have of the decisions on proposals, too.
    if (applied > 0) changes.meta(Proposals::replay_field, std::to_string(state_.epoch));
    if (auto committed = state_.commit(changes); !committed) return fail(committed.error());
    events_.clear();
    records_ = 0;
    return applied;
  }

  std::int64_t next_command() const { return next_command_; }
  // Whether jobs that wait for others were among them.
  bool dependents() const { return dependents_; }

 private:
  // An end that Redis has forgotten was learned in the same commit: that is forgotten, too.
  void learn_again(const CloudEvent& event, const JobRecord& record, queue::Changes& changes) {
    if (const auto ended = parse_data<JobSucceeded>(event.data))
      learn(state_, record, ended->end, event.time, changes);
  }

  State& state_;
  std::map<int, std::int64_t> next_;
  std::vector<CloudEvent> events_;
  std::size_t records_ = 0;
  std::int64_t next_command_ = 0;
  bool dependents_ = false;
};

// Who waits for whom stands in sets of its own, which are made anew from those that still wait. What they wait for may have ended.
Status note_dependents(State& state) {
  constexpr int at_once = 250;
  for (const auto priority : all_priorities) {
    for (std::int64_t from = 0;; from += at_once) {
      const auto ids = state.store.held_by_dependency(priority, from, at_once);
      if (!ids) return fail(ids.error());
      if (ids->empty()) break;
      const auto records = state.store.jobs(*ids);
      if (!records) return fail(records.error());
      queue::Changes changes;
      for (const auto& record : *records) {
        if (!record) continue;
        for (const auto& dependency : record->spec.after)
          changes.depends(record->spec.job_id, dependency).settle(dependency);
      }
      if (auto committed = state.commit(std::move(changes)); !committed)
        return fail(committed.error());
    }
  }
  return {};
}

constexpr std::size_t group_size = 200;
// Commands that are read again after Redis was lost: what was asked for and not answered yet is among the latest.
constexpr std::int64_t replayed_commands = 20'000;

}  // namespace

Result<Healed> heal(State& state, client::Consumer& consumer, const std::function<void()>& beat,
                    std::stop_token stop) {
  auto spans = unread(state, consumer);
  if (!spans) return fail(spans.error());
  std::map<TopicPartition, std::int64_t> start;
  for (const auto& [partition, span] : *spans)
    start[{std::string(topics::job_events), partition}] = span.from;
  if (!start.empty()) {
    if (auto status = consumer.assign(start); !status) return fail(status.error());
  }
  Healed healed;
  Group group(state);
  int quiet = 0;
  while (!spans->empty()) {
    if (stop.stop_requested()) return fail(ErrorKind::unavailable, "stopping");
    beat();
    const auto record = consumer.poll(500ms);
    if (!record) return fail(record.error());
    if (*record) {
      quiet = 0;
      ++healed.events;
      group.add(**record);
      const auto span = spans->find((*record)->partition);
      if (span != spans->end() && (*record)->offset + 1 >= span->second.until) spans->erase(span);
    } else if (++quiet == 60) {
      return fail(ErrorKind::unavailable, "the end of job-events did not come within 30 s");
    }
    if (group.size() == group_size || spans->empty()) {
      const auto applied = group.apply();
      if (!applied) return fail(applied.error());
      healed.applied += *applied;
    }
  }
  if (group.dependents()) {
    if (auto status = note_dependents(state); !status) return fail(status.error());
  }
  // An older Redis reads again the commands that it has forgotten, an empty one the latest; those that an event answers are recognised
  // by their offset.
  const auto stored = state.store.meta("next:jobs");
  if (!stored) return fail(stored.error());
  state.replay_until = group.next_command();
  if (!*stored) {
    queue::Changes changes;
    changes.meta("next:jobs",
                 std::to_string(std::max<std::int64_t>(0, state.replay_until - replayed_commands)));
    if (auto committed = state.commit(changes); !committed) return fail(committed.error());
  }
  if (healed.applied > 0) {
    spdlog::info("read {} job events, {} of them newer than Redis", healed.events, healed.applied);
  }
  return healed;
}

}  // namespace oppen::core
