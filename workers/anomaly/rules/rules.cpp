#include "workers/anomaly/rules/rules.hpp"

namespace oppen::anomaly {

std::vector<std::unique_ptr<Rule>> all_rules() {
  std::vector<std::unique_ptr<Rule>> rules;
  for (auto* const make : {gpu_fault, gpu_hot, gpu_throttled, pod_use, telemetry_stopped,
                           queue_stalled, failure_burst, budgets_told, daily_cost, unusual})
    rules.push_back(make());
  return rules;
}

}  // namespace oppen::anomaly
