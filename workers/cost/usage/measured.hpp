#pragma once
// What telemetry tells of an attempt, as sums and maxima that add up: nothing of it depends on the order of the samples. Plain
// value.
#include <cstdint>
#include <optional>
#include <string_view>

#include "workers/cost/usage/reading.hpp"

namespace oppen::cost {

struct Measured {
  std::int64_t gpu_ms = 0;       // measured time of GPUs, times the share held of each
  std::int64_t gpu_busy = 0;     // the same times the utilisation in hundredths of a percent
  std::int64_t sm_ms = 0;        // that part of gpu_ms whose utilisation is SM activity
  std::int64_t gpu_highest = 0;  // the highest mean of an interval, in hundredths of a percent
  std::optional<double> gpu_memory_max_mb;  // of one GPU
  std::int64_t pod_ms = 0;
  std::int64_t cpu_used = 0;     // pod_ms times millicores
  std::int64_t cpu_highest = 0;  // millicores
  std::int64_t memory_max_bytes = 0;

  void add(const GpuReading& reading);
  void add(const PodReading& reading);
  // Another attempt of the same job.
  Measured& operator+=(const Measured& other);

  // None where nothing was measured.
  std::optional<double> gpu_utilization_percent() const;  // mean over the measured time
  std::optional<double> gpu_utilization_max_percent() const;
  std::optional<double> cpu_cores_mean() const;
  std::optional<double> cpu_cores_max() const;
  std::optional<double> memory_max() const;  // bytes
  // By which most of the time was measured: "sm_active" or "gpu_utilization"; "" where none was.
  std::string_view utilization_source() const;

  bool operator==(const Measured&) const = default;
};

}  // namespace oppen::cost
