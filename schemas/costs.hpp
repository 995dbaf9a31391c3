#pragma once
// What has been spent, on the topic `costs`. Plain values.
#include <optional>
#include <string>
#include <string_view>

#include "schemas/time.hpp"
#include "schemas/units.hpp"

namespace oppen {

// The cost of one attempt in one interval of the fixed grid. The amounts of an attempt add up to
// its cost exactly.
struct CostAccrued {
  static constexpr std::string_view type = "dev.oppen.cost.accrued.v1";
  std::string job_id;  // at least one of job_id and run_id is not empty
  std::string run_id;
  int attempt = 0;            // from 1; 0 for a run from outside
  std::string pod;            // "" (absent), like the namespace: not known
  std::string pod_namespace;  // JSON "namespace"
  std::string model_type;
  std::string workload_type = "training";
  std::string team;
  std::string project;
  std::string gpu_type;
  Time interval_start{};
  Time interval_end{};
  MicroUsd gpu;  // JSON gpu_microusd, and so on
  MicroUsd cpu;
  MicroUsd memory;
  MicroUsd total;  // their sum
  struct Multipliers {
    double time = 1;
    double priority = 1;
    double spot = 1;
  } multipliers;
  bool correction =
      false;           // takes back what was charged too far: only then may amounts be negative
  bool final = false;  // the last one of its attempt
  std::optional<double> gpus =
      {};  // devices that it held, or the share of one; absent, like the two below: not told (older charges)
  std::optional<double> cpu_cores = {};
  std::optional<std::int64_t> memory_bytes = {};
  std::string node = {};  // on which it ran; "" (absent): not known
};

}  // namespace oppen
