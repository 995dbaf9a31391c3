#pragma once
// The rules, one file each.
#include <memory>
#include <vector>

#include "workers/anomaly/rules/rule.hpp"

namespace oppen::anomaly {

std::unique_ptr<Rule> gpu_fault();
std::unique_ptr<Rule> gpu_hot();
std::unique_ptr<Rule> gpu_throttled();
// gpu_underutilized, gpu_saturated, gpu_idle_held and wasteful_pod: all of how a pod uses its GPUs.
std::unique_ptr<Rule> pod_use();
std::unique_ptr<Rule> telemetry_stopped();
std::unique_ptr<Rule> queue_stalled();
std::unique_ptr<Rule> failure_burst();
// budget_threshold and budget_exceeded.
std::unique_ptr<Rule> budgets_told();
std::unique_ptr<Rule> daily_cost();
std::unique_ptr<Rule> unusual();

// All of these.
std::vector<std::unique_ptr<Rule>> all_rules();

}  // namespace oppen::anomaly
