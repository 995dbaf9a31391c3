#include "schemas/job_events.hpp"

#include "schemas/describe_job.hpp"

namespace oppen {

// No stricter than it must be: the context of a rejected job is what its spec said, however wrong.
template <class V>
void describe(V& v, JobContext& e) {
  v.required("job_id", e.job_id, forms::some);
  v.required("seq", e.seq, forms::at_least(1));
  v.required("attempt", e.attempt, forms::at_least(0));
  v.required("state", e.state);
  v.required("name", e.name);
  v.required("model_type", e.model_type);
  v.required("workload_type", e.workload_type);
  v.required("priority", e.priority);
  v.required("team", e.team);
  v.required("project", e.project);
  v.required("user", e.user);
  v.optional("batch_id", e.batch_id);
  v.required("resources", e.resources, forms::Described{});
  v.required("spot", e.spot);
  v.required("epochs", e.epochs, forms::at_least(0));
  v.required("batch_size", e.batch_size, forms::at_least(0));
}

template <class V>
void describe(V& v, AttemptEnd& e) {
  v.optional("pod", e.pod);
  v.optional("namespace", e.pod_namespace);
  v.optional("node", e.node);
  v.optional("gpu_type", e.gpu_type);
  v.optional("started_at", e.started_at);
  v.optional("ended_at", e.ended_at);
  v.optional("duration_seconds", e.duration_seconds, forms::not_negative);
}

template <class V>
void describe(V& v, JobQueued& e) {
  describe(v, e.job);
  v.required("spec", e.spec, forms::Described{});
  v.required("source_offset", e.source_offset, forms::at_least(0));
  v.defaulted("batch_index", e.batch_index, 0, forms::at_least(0));
  v.optional("submitted_hash", e.submitted_hash);
  v.required("position", e.position, forms::at_least(1));
  v.required("estimated_wait_seconds", e.estimated_wait_seconds, forms::not_negative);
  v.required("estimated_duration_seconds", e.estimated_duration_seconds, forms::not_negative);
  v.required("estimated_cost_microusd", e.estimated_cost, forms::no_debt);
}

template <class V>
void describe(V& v, JobRejected& e) {
  describe(v, e.job);
  v.required("code", e.code,
             forms::one_of("invalid", "never_fits", "over_budget", "not_allowed", "batch"));
  v.required("reason", e.reason);
  v.optional("field", e.field);
  v.optional("source_offset", e.source_offset, forms::at_least(0));
}

template <class V>
void describe(V& v, JobDuplicate& e) {
  describe(v, e.job);
  v.required("first_seen", e.first_seen);
  v.required("conflict", e.conflict);
}

template <class V>
void describe(V& v, JobLaunched& e) {
  describe(v, e.job);
  v.required("pod", e.pod, forms::some);
  v.required("namespace", e.pod_namespace, forms::some);
}

template <class V>
void describe(V& v, JobStarted& e) {
  describe(v, e.job);
  v.required("pod", e.pod, forms::some);
  v.required("namespace", e.pod_namespace, forms::some);
  v.required("node", e.node);
  v.optional("gpu_type", e.gpu_type);
  v.required("started_at", e.started_at);
}

template <class V>
void describe(V& v, JobSucceeded& e) {
  describe(v, e.job);
  describe(v, e.end);
  v.optional("metrics", e.metrics);
}

template <class V>
void describe(V& v, JobFailed& e) {
  describe(v, e.job);
  describe(v, e.end);
  v.required("class", e.failure);
  v.optional("exit_code", e.exit_code);
  v.required("message", e.message);
}

template <class V>
void describe(V& v, JobRequeued& e) {
  describe(v, e.job);
  describe(v, e.end);
  v.required("reason", e.reason);
  v.required("class", e.failure);
  v.optional("exit_code", e.exit_code);
  v.optional("retry_at", e.retry_at);
}

template <class V>
void describe(V& v, JobCancelled& e) {
  describe(v, e.job);
  describe(v, e.end);
  v.optional("requested_by", e.requested_by);
  v.optional("reason", e.reason);
  v.required("was", e.was);
}

template <class V>
void describe(V& v, JobCancelRefused& e) {
  v.optional("job_id", e.job_id, forms::some);
  v.optional("batch_id", e.batch_id, forms::some);
  v.check(e.job_id.empty() != e.batch_id.empty(), "job_id", "exactly one of job_id and batch_id");
  v.required("why", e.why, forms::one_of("unknown", "finished"));
  v.optional("requested_by", e.requested_by);
}

template <class V>
void describe(V& v, JobAmended& e) {
  describe(v, e.job);
  v.required("changes", e.changes);
  v.optional("requested_by", e.requested_by);
  v.optional("source_offset", e.source_offset, forms::at_least(0));
}

template <class V>
void describe(V& v, JobAmendRefused& e) {
  v.required("job_id", e.job_id, forms::some);
  v.required(
      "why", e.why,
      forms::one_of("unknown", "started", "finished", "invalid", "never_fits", "not_allowed"));
  v.optional("reason", e.reason);
  v.optional("field", e.field);
  v.optional("requested_by", e.requested_by);
}

template <class V>
void describe(V& v, BatchQueued& e) {
  v.required("batch_id", e.batch_id, forms::some);
  v.required("jobs", e.jobs);
  v.required("positions", e.positions, forms::ListOf<forms::Whole>{forms::at_least(1)});
  v.required("estimated_cost_microusd", e.estimated_cost, forms::no_debt);
  v.optional("source_offset", e.source_offset, forms::at_least(0));
}

template <class V>
void describe(V& v, BatchRejected::JobError& e) {
  v.required("index", e.index, forms::at_least(-1));
  v.optional("field", e.field);
  v.required("reason", e.reason);
}

template <class V>
void describe(V& v, BatchRejected& e) {
  v.required("batch_id", e.batch_id, forms::some);
  v.required("errors", e.errors, forms::ListOf<forms::Described>{});
  v.optional("source_offset", e.source_offset, forms::at_least(0));
}

template <class V>
void describe(V& v, BatchDuplicate& e) {
  v.required("batch_id", e.batch_id, forms::some);
  v.required("first_seen", e.first_seen);
  v.required("conflict", e.conflict);
}

OPPEN_EVENT(JobQueued)
OPPEN_EVENT(JobRejected)
OPPEN_EVENT(JobDuplicate)
OPPEN_EVENT(JobLaunched)
OPPEN_EVENT(JobStarted)
OPPEN_EVENT(JobSucceeded)
OPPEN_EVENT(JobFailed)
OPPEN_EVENT(JobRequeued)
OPPEN_EVENT(JobCancelled)
OPPEN_EVENT(JobCancelRefused)
OPPEN_EVENT(JobAmended)
OPPEN_EVENT(JobAmendRefused)
OPPEN_EVENT(BatchQueued)
OPPEN_EVENT(BatchRejected)
OPPEN_EVENT(BatchDuplicate)

}  // namespace oppen
