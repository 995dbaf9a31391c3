#include "workers/anomaly/rules/fact.hpp"

#include "schemas/parse.hpp"

namespace oppen::anomaly {
namespace {

using What = JobChange::What;

void add(JobChange& change, const JobQueued& event) {
  change.window = event.spec.window;
  change.after = event.spec.after;
  change.estimated_cost = event.estimated_cost;
}
void add(JobChange& change, const JobLaunched& event) {
  change.pod = event.pod;
  change.pod_namespace = event.pod_namespace;
}
void add(JobChange& change, const JobStarted& event) {
  change.pod = event.pod;
  change.pod_namespace = event.pod_namespace;
  change.node = event.node;
  change.gpu_type = event.gpu_type;
}
void add(JobChange& change, const AttemptEnd& end) {
  change.pod = end.pod;
  change.pod_namespace = end.pod_namespace;
  change.node = end.node;
  change.gpu_type = end.gpu_type;
}
void add(JobChange& change, const JobSucceeded& event) { add(change, event.end); }
void add(JobChange& change, const JobCancelled& event) { add(change, event.end); }
void add(JobChange& change, const JobFailed& event) {
  add(change, event.end);
  change.failure = event.failure;
}
void add(JobChange& change, const JobRequeued& event) {
  add(change, event.end);
  change.failure = event.failure;
  change.retry_at = event.retry_at;
}
void add(JobChange& change, const JobAmended& event) {
  const auto window = event.changes.find("window");
  if (window != event.changes.end() && window->is_string())
    change.window = window->get<std::string>();
}

template <class Event>
Result<Fact> job_change(const nlohmann::json& data, What what) {
  auto event = parse_data<Event>(data);
  if (!event) return fail(ErrorKind::invalid, sentences(event.error()));
  JobChange change;
  change.what = what;
  add(change, *event);
  change.job = std::move(event->job);
  return Fact(std::move(change));
}

template <class Event>
Result<Fact> as_it_is(const nlohmann::json& data) {
  auto event = parse_data<Event>(data);
  if (!event) return fail(ErrorKind::invalid, sentences(event.error()));
  return Fact(std::move(*event));
}

template <class Event>
Result<Fact> nothing_but_valid(const nlohmann::json& data) {
  const auto event = parse_data<Event>(data);
  if (!event) return fail(ErrorKind::invalid, sentences(event.error()));
  return Fact();
}

}  // namespace

Result<Fact> read_fact(const CloudEvent& event) {
  const auto& [type, data] = std::tie(event.type, event.data);
  if (type == GpuSample::type) return as_it_is<GpuSample>(data);
  if (type == PodSample::type) return nothing_but_valid<PodSample>(data);
  if (type == CostAccrued::type) return as_it_is<CostAccrued>(data);
  if (type == JobQueued::type) return job_change<JobQueued>(data, What::queued);
  if (type == JobLaunched::type) return job_change<JobLaunched>(data, What::launched);
  if (type == JobStarted::type) return job_change<JobStarted>(data, What::started);
  if (type == JobRequeued::type) return job_change<JobRequeued>(data, What::requeued);
  if (type == JobSucceeded::type) return job_change<JobSucceeded>(data, What::ended);
  if (type == JobFailed::type) return job_change<JobFailed>(data, What::ended);
  if (type == JobCancelled::type) return job_change<JobCancelled>(data, What::ended);
  if (type == JobAmended::type) return job_change<JobAmended>(data, What::amended);
  if (type == RunCompleted::type) return as_it_is<RunCompleted>(data);
  if (type == RunProgress::type) return nothing_but_valid<RunProgress>(data);
  if (type == BudgetSet::type) return as_it_is<BudgetSet>(data);
  if (type == BudgetState::type) return as_it_is<BudgetState>(data);
  if (type == PolicyChanged::type) return as_it_is<PolicyChanged>(data);
  if (type == NodeObserved::type) return as_it_is<NodeObserved>(data);
  if (type == AlertSilence::type) return as_it_is<AlertSilence>(data);
  if (type == AlertFeedback::type) return as_it_is<AlertFeedback>(data);
  return Fact();
}

}  // namespace oppen::anomaly
