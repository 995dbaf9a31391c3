#pragma once
// What the telemetry agent measures, on the topic `telemetry`. Plain values; means over
// `interval_seconds` before `sampled_at` where nothing else is said.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/time.hpp"

namespace oppen {

// One GPU; where pods share it, one for each pod, with the pod's `share` (the shares of a device
// add up to 1).
struct GpuSample {
  static constexpr std::string_view type = "dev.oppen.gpu.sample.v1";
  std::string node;
  std::string gpu_uuid;
  int gpu_index = 0;
  std::string gpu_type;
  Time sampled_at{};
  double interval_seconds = 0;
  double utilization_percent = 0;
  std::optional<double> utilization_max_percent;  // within the interval
  std::optional<double>
      sm_active_percent;  // what really worked; better than utilization where it is known
  double memory_used_mb = 0;
  double memory_total_mb = 0;
  double temperature_celsius = 0;
  double power_watts = 0;
  std::optional<int> xid;                  // the driver's error code, when one came in the interval
  std::optional<std::int64_t> ecc_errors;  // uncorrected, in the interval
  std::vector<std::string> throttle_reasons;
  std::string pod;            // "" (absent), like the following: held by nobody
  std::string pod_namespace;  // JSON "namespace"
  std::string job_id;
  std::optional<int> attempt;
  std::optional<double> share;  // (0,1]
  std::optional<double> process_memory_mb;
};

struct PodSample {
  static constexpr std::string_view type = "dev.oppen.pod.sample.v1";
  std::string pod;
  std::string pod_namespace;  // JSON "namespace"
  std::string node;
  std::string job_id;  // "" (absent): not one of ours
  std::optional<int> attempt;
  Time sampled_at{};
  double interval_seconds = 0;
  double cpu_cores = 0;
  std::int64_t memory_bytes = 0;
};

}  // namespace oppen
