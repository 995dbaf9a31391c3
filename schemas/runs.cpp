#include "schemas/runs.hpp"

#include "schemas/describe_job.hpp"

namespace oppen {

template <class V>
void describe(V& v, RunProgress& e) {
  v.required("job_id", e.job_id, forms::some);
  v.required("attempt", e.attempt, forms::at_least(1));
  v.optional("run_id", e.run_id);
  v.required("epoch", e.epoch, forms::at_least(0));
  v.required("epochs", e.epochs, forms::at_least(0));
  v.required("at", e.at);
  v.optional("epoch_seconds", e.epoch_seconds, forms::not_negative);
  v.optional("metrics", e.metrics);
}

template <class V>
void describe(V& v, RunCompleted& e) {
  v.required("run_id", e.run_id, forms::some);
  v.optional("job_id", e.job_id);
  v.optional("attempt", e.attempt, forms::at_least(1));
  v.required("model_type", e.model_type);
  v.required("workload_type", e.workload_type);
  v.required("status", e.status, forms::one_of("succeeded", "failed"));
  v.required("epochs", e.epochs, forms::at_least(0));
  v.required("batch_size", e.batch_size, forms::at_least(0));
  v.optional("precision", e.precision);
  v.optional("resources", e.resources, forms::Described{});
  v.optional("gpu_type", e.gpu_type);
  v.required("gpus", e.gpus, forms::at_least(0));
  v.required("started_at", e.started_at);
  v.required("ended_at", e.ended_at);
  v.required("duration_seconds", e.duration_seconds, forms::not_negative);
  v.optional("metrics", e.metrics);
  v.optional("epoch_seconds", e.epoch_seconds, forms::ListOf<forms::Real>{forms::not_negative});
  v.optional("baseline_metric", e.baseline_metric);
  v.required("priority", e.priority);
  v.required("spot", e.spot);
  v.required("team", e.team);
  v.required("project", e.project);
}

OPPEN_EVENT(RunProgress)
OPPEN_EVENT(RunCompleted)

}  // namespace oppen
