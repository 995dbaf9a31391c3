#pragma once
// gpu.sample and pod.sample as schemas/telemetry.hpp has them, but for what no worker looks at. Plain values; the texts are borrowed.
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "schemas/time.hpp"

namespace oppen::samples {

struct GpuView {
  std::string_view node;
  std::string_view gpu_uuid;
  std::string_view gpu_type;
  std::string_view pod;  // "", like the two below: held by nobody
  std::string_view pod_namespace;
  std::string_view job_id;
  std::optional<int> attempt;
  Time sampled_at{};
  double interval_seconds = 0;
  double utilization_percent = 0;
  std::optional<double> sm_active_percent;
  double memory_used_mb = 0;
  double temperature_celsius = 0;
  std::optional<int> xid;
  std::optional<std::int64_t> ecc_errors;
  std::span<const std::string_view> throttle_reasons;
  std::optional<double> share;
  std::optional<double> process_memory_mb;
};

struct PodView {
  std::string_view pod;
  std::string_view job_id;
  std::optional<int> attempt;
  Time sampled_at{};
  double interval_seconds = 0;
  double cpu_cores = 0;
  std::int64_t memory_bytes = 0;
};

using SampleView = std::variant<GpuView, PodView>;

}  // namespace oppen::samples
