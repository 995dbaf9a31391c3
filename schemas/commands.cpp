#include "schemas/commands.hpp"

#include "schemas/describe_job.hpp"

namespace oppen {

template <class V>
void describe(V& v, JobSubmit& e) {
  describe(v, e.spec);
}

template <class V>
void describe(V& v, BatchSubmit& e) {
  v.required("batch_id", e.batch_id, forms::id);
  v.required("jobs", e.jobs, forms::ListOf<forms::Described>{{}, 1, 10'000});
  v.optional("max_total_microusd", e.max_total, forms::no_debt);
  v.defaulted("part", e.part, 1, forms::between(1, 100));
  v.defaulted("parts", e.parts, 1, forms::between(1, 100));
  v.check(e.part <= e.parts, "part", "a part that is not above parts");
}

template <class V>
void describe(V& v, JobCancel& e) {
  v.optional("job_id", e.job_id, forms::id);
  v.optional("batch_id", e.batch_id, forms::id);
  v.optional("requested_by", e.requested_by);
  v.optional("reason", e.reason);
  v.check(e.job_id.empty() != e.batch_id.empty(), "job_id", "exactly one of job_id and batch_id");
}

template <class V>
void describe(V& v, JobAmend::Changes& e) {
  v.optional("priority", e.priority);
  v.optional("window", e.window, forms::window);
  v.optional("batch_size", e.batch_size, forms::batch_size);
  v.optional("spot", e.spot);
  v.optional("gpu_type", e.gpu_type, forms::label_value);
}

template <class V>
void describe(V& v, JobAmend& e) {
  v.required("job_id", e.job_id, forms::id);
  v.required("changes", e.changes, forms::Described{});
  v.optional("requested_by", e.requested_by);
  const auto& c = e.changes;
  v.check(c.priority || c.window || c.batch_size || c.spot || c.gpu_type, "changes",
          "at least one of priority, window, batch_size, spot and gpu_type");
}

OPPEN_EVENT(JobSpec)
OPPEN_EVENT(JobSubmit)
OPPEN_EVENT(BatchSubmit)
OPPEN_EVENT(JobCancel)
OPPEN_EVENT(JobAmend)

}  // namespace oppen
