#pragma once
// Configurations side by side: how long each would take, what it would cost, and what it would serve. Pure; any thread.
//
// Time is the scheduler's estimate: from finished runs of the model type, workload type and number of GPUs (or share of one) where there are
// any, else from those on other numbers of GPUs, of which it isn't known how much faster they make it, else from the model
// catalogue's seconds per epoch, which are of batch size 64 and go with 64 / batch size. It ends at the limit of the run time. Latency and
// throughput are the means of what finished runs of the same model type, workload type, GPUs, batch size, GPU type (where one is
// asked for) and precision (where the label `precision` says one) have told; they have no prior: where nobody has told them they are left
// out.
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "scheduler/plan/policy.hpp"
#include "workers/cost/books/records.hpp"
#include "workers/cost/pricing/rate_history.hpp"
#include "workers/cost/report/intervals.hpp"

namespace oppen::cost {

inline constexpr std::size_t most_configurations = 100;

struct Compared {
  std::string name;
  JobSpec spec;  // resolved
  Time start{};  // now, or when the cheap hours begin, where it waits for them
  std::string
      basis;  // history | history_other_gpus | catalogue | default: a model type that the catalogue lacks
  int history_runs = 0;    // finished runs of the model type
  Interval seconds;        // until it is done or its limit ends it
  bool cut_short = false;  // its limit is expected to end it
  MicroUsd cost_low;
  MicroUsd cost;
  MicroUsd cost_high;
  MicroUsd hourly;        // at its start
  int measured_runs = 0;  // that told of latency or throughput
  std::optional<double> latency_p99_ms;
  std::optional<double> inferences_per_second;
  std::optional<double> per_1000_inferences_microusd;
};

// One resolved spec. `history`: of its model type, the latest first. Invalid: cheap hours that never come.
Result<Compared> look_at(const JobSpec& resolved, const std::vector<RunRecord>& history,
                         const plan::Policy& policy, const pricing::RateHistory& rates, Time now);

// With the cheapest, the fastest and, where it is known, the cheapest by inference named. Of several by the same name each gets its job id
// behind it.
nlohmann::json to_json(std::vector<Compared> configurations, Time now);

}  // namespace oppen::cost
