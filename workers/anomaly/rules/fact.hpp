#pragma once
// What happened, as the rules are told of it. Plain values.
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "schemas/cloud_event.hpp"
#include "schemas/control.hpp"
#include "schemas/costs.hpp"
#include "schemas/job_events.hpp"
#include "schemas/runs.hpp"
#include "schemas/telemetry.hpp"

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

// Monostate: nothing that a rule goes by.
using Fact =
    std::variant<std::monostate, JobChange, GpuSample, CostAccrued, RunCompleted, BudgetSet,
                 BudgetState, PolicyChanged, NodeObserved, AlertSilence, AlertFeedback>;

struct Happening {
  Time at{};       // when it was published
  std::string id;  // of the event
  Time told{};     // the event's own time
  Fact fact;
};

// Errors: invalid, in sentences that name field and value.
Result<Fact> read_fact(const CloudEvent& event);

}  // namespace oppen::anomaly
