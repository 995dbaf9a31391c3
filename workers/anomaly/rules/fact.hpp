#pragma once
// What happened, as the rules are told of it. Plain values.
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "producers/client/kafka.hpp"
#include "schemas/cloud_event.hpp"
#include "schemas/control.hpp"
#include "schemas/costs.hpp"
#include "schemas/job_events.hpp"
#include "schemas/runs.hpp"
#include "schemas/telemetry.hpp"
#include "workers/samples/sample_reader.hpp"

namespace oppen::anomaly {

// Any event of a job that changes what it does.
struct JobChange {
  enum class What { queued, launched, started, requeued, ended, amended };
  What what = What::queued;
  JobContext job;
  std::string window = "any";
  std::vector<std::string> after;
  MicroUsd estimated_cost;
  double estimated_seconds = 0;
  std::string pod;
  std::string pod_namespace;
  std::string node;
  std::string gpu_type;
  std::optional<FailureClass> failure;  // of an attempt that has failed
  std::optional<Time> retry_at;
};

// A GPU, and for whom it works.
struct SampledGpu {
  std::string node;
  std::string gpu_uuid;
  std::string gpu_type;
  std::string pod;  // "", like the two below: held by nobody
  std::string pod_namespace;
  std::string job_id;
  std::string pod_key;       // namespace/pod; "" where there is none
  std::uint64_t number = 0;  // its own alone in this process
};

// What the rules go by of a gpu.sample, of which there are more than of everything else.
struct Sampled {
  Sampled() = default;
  Sampled(const GpuSample& sample);

  std::shared_ptr<const SampledGpu> gpu;
  Time sampled_at{};
  double utilization_percent = 0;
  double temperature_celsius = 0;
  int xid = 0;                  // the driver's error code; 0: none
  std::int64_t ecc_errors = 0;  // uncorrected
  std::vector<std::string> throttle_reasons;
};

// Monostate: nothing that a rule goes by.
using Fact = std::variant<std::monostate, JobChange, Sampled, CostAccrued, RunCompleted, BudgetSet,
                          BudgetState, PolicyChanged, NodeObserved, AlertSilence, AlertFeedback>;

struct Happening {
  Time at{};       // when it was published
  std::string id;  // of the event
  Time told{};     // the event's own time
  Fact fact;
};

// Errors: invalid, in sentences that name field and value.
Result<Fact> read_fact(const CloudEvent& event);

// The same of what stands on `telemetry`, without a copy of what is said again and again. One thread.
class SampledReader {
 public:
  // `record`: of `telemetry`; nullopt: it is valid, and no gpu.sample. Errors: as decode() and read_fact.
  Result<std::optional<Sampled>> read(const client::RecordView& record);

 private:
  std::shared_ptr<const SampledGpu> gpu_of(const samples::GpuView& view);

  samples::SampleReader reader_;
  std::string key_;
  std::unordered_map<std::string, std::shared_ptr<const SampledGpu>> known_;  // by UUID and pod
};

}  // namespace oppen::anomaly
