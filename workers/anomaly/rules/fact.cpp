#include "workers/anomaly/rules/fact.hpp"

#include <fmt/format.h>

#include <atomic>

#include "schemas/parse.hpp"

namespace oppen::anomaly {
namespace {

using What = JobChange::What;

// Names are repeated in labels and summaries, which must fit a record: no longer than Kubernetes takes them.
constexpr std::size_t longest_name = 253;
// Degrees Celsius that a sensor may report.
constexpr double coldest = -100;
constexpr double hottest = 1'000;

// GPUs and pods whose names are kept, so that each sample need not bring its own.
constexpr std::size_t most_known = 10'000;

struct Name {
  const char* field;
  std::string_view text;
};
Status check(std::initializer_list<Name> names) {
  for (const auto& [field, text] : names) {
    if (text.size() > longest_name) {
      return fail(ErrorKind::invalid,
                  fmt::format("{} is \"{}...\", of {} bytes: expected at most {}", field,
                              text.substr(0, 40), text.size(), longest_name));
    }
  }
  return {};
}

Status check_degrees(double degrees) {
  if (degrees >= coldest && degrees <= hottest) return {};
  return fail(ErrorKind::invalid,
              fmt::format("temperature_celsius is {}: expected a number from {} to {}", degrees,
                          coldest, hottest));
}
template <class Sample>
Status check_names(const Sample& sample) {
  return check({{"node", sample.node},
                {"gpu_uuid", sample.gpu_uuid},
                {"gpu_type", sample.gpu_type},
                {"pod", sample.pod},
                {"namespace", sample.pod_namespace},
                {"job_id", sample.job_id}});
}
Status check(const GpuSample& sample) {
  if (auto status = check_degrees(sample.temperature_celsius); !status) return status;
  return check_names(sample);
}
Status check(const CostAccrued& cost) {
  return check({{"job_id", cost.job_id},
                {"run_id", cost.run_id},
                {"pod", cost.pod},
                {"namespace", cost.pod_namespace},
                {"model_type", cost.model_type},
                {"workload_type", cost.workload_type},
                {"team", cost.team},
                {"project", cost.project},
                {"gpu_type", cost.gpu_type}});
}
Status check(const JobChange& change) {
  return check({{"job_id", change.job.job_id},
                {"model_type", change.job.model_type},
                {"workload_type", change.job.workload_type},
                {"team", change.job.team},
                {"project", change.job.project},
                {"resources.gpu_type", change.job.resources.gpu_type},
                {"pod", change.pod},
                {"namespace", change.pod_namespace},
                {"node", change.node},
                {"gpu_type", change.gpu_type}});
}
Status check(const RunCompleted& run) {
  return check({{"model_type", run.model_type}, {"team", run.team}});
}
Status check(const BudgetSet& set) { return check({{"budget_id", set.budget_id}}); }
Status check(const NodeObserved& node) { return check({{"node", node.node}}); }
template <class Event>
Status check(const Event& /*its own names are in no alert*/) {
  return {};
}

void add(JobChange& change, const JobQueued& event) {
  change.window = event.spec.window;
  change.after = event.spec.after;
  change.estimated_cost = event.estimated_cost;
  change.estimated_seconds = event.estimated_duration_seconds;
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
  if (auto status = check(change); !status) return fail(status.error());
  return Fact(std::move(change));
}

template <class Event>
Result<Fact> as_it_is(const nlohmann::json& data) {
  auto event = parse_data<Event>(data);
  if (!event) return fail(ErrorKind::invalid, sentences(event.error()));
  if (auto status = check(*event); !status) return fail(status.error());
  return Fact(std::move(*event));
}

Result<Fact> sampled(const nlohmann::json& data) {
  const auto sample = parse_data<GpuSample>(data);
  if (!sample) return fail(ErrorKind::invalid, sentences(sample.error()));
  if (auto status = check(*sample); !status) return fail(status.error());
  return Fact(Sampled(*sample));
}

template <class Sample>
std::shared_ptr<const SampledGpu> make_gpu(const Sample& sample) {
  static std::atomic<std::uint64_t> last{0};
  auto gpu = std::make_shared<SampledGpu>();
  gpu->number = ++last;
  gpu->node = sample.node;
  gpu->gpu_uuid = sample.gpu_uuid;
  gpu->gpu_type = sample.gpu_type;
  gpu->pod = sample.pod;
  gpu->pod_namespace = sample.pod_namespace;
  gpu->job_id = sample.job_id;
  if (!gpu->pod.empty()) gpu->pod_key = gpu->pod_namespace + '/' + gpu->pod;
  return gpu;
}

template <class Sample>
void measure(Sampled& sampled, const Sample& sample) {
  sampled.sampled_at = sample.sampled_at;
  sampled.utilization_percent = sample.utilization_percent;
  sampled.temperature_celsius = sample.temperature_celsius;
  sampled.xid = sample.xid.value_or(0);
  sampled.ecc_errors = sample.ecc_errors.value_or(0);
  sampled.throttle_reasons.assign(sample.throttle_reasons.begin(), sample.throttle_reasons.end());
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
  if (type == GpuSample::type) return sampled(data);
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

Sampled::Sampled(const GpuSample& sample) : gpu(make_gpu(sample)) { measure(*this, sample); }

Result<std::optional<Sampled>> SampledReader::read(const client::RecordView& record) {
  const auto view = reader_.read(record.value, record.headers);
  if (!view) return fail(view.error());
  const auto* const of_gpu = *view ? std::get_if<samples::GpuView>(&**view) : nullptr;
  if (of_gpu == nullptr) return std::nullopt;
  if (auto status = check_degrees(of_gpu->temperature_celsius); !status)
    return fail(status.error());
  Sampled sampled;
  sampled.gpu = gpu_of(*of_gpu);
  if (sampled.gpu == nullptr) {
    if (auto status = check_names(*of_gpu); !status) return fail(status.error());
    if (known_.size() >= most_known) known_.clear();
    sampled.gpu = make_gpu(*of_gpu);
    known_[key_] = sampled.gpu;
  }
  measure(sampled, *of_gpu);
  return sampled;
}

// nullptr: another one, or one that has changed.
std::shared_ptr<const SampledGpu> SampledReader::gpu_of(const samples::GpuView& view) {
  key_.assign(view.gpu_uuid);
  key_ += ' ';
  key_ += view.pod;
  const auto known = known_.find(key_);
  if (known == known_.end()) return nullptr;
  const auto& gpu = *known->second;
  const bool same = gpu.gpu_uuid == view.gpu_uuid && gpu.pod == view.pod && gpu.node == view.node &&
                    gpu.pod_namespace == view.pod_namespace && gpu.job_id == view.job_id &&
                    gpu.gpu_type == view.gpu_type;
  return same ? known->second : nullptr;
}

}  // namespace oppen::anomaly
