#pragma once
// What of a telemetry sample is of interest to cost. Plain values; the texts are borrowed.
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "schemas/time.hpp"

namespace oppen::cost {

struct GpuReading {
  std::uint64_t device = 0;  // key_of_device() of its UUID
  std::string_view job_id;   // "": nobody's, or of nobody whom we know
  int attempt = 0;           // 0: not told
  Time sampled_at{};
  std::int64_t interval_ms = 0;    // before sampled_at; above 0
  double utilization_percent = 0;  // SM activity where it was told, else GPU utilisation
  bool of_sm_active = false;       // which of the two
  double share = 1;                // of the device, (0,1]
  std::optional<double>
      memory_mb;  // of this pod alone; none: the device is shared and nobody knows
};

struct PodReading {
  std::uint64_t device = 0;  // key_of_device() of its name
  std::string_view job_id;
  int attempt = 0;
  Time sampled_at{};
  std::int64_t interval_ms = 0;
  double cpu_cores = 0;
  std::int64_t memory_bytes = 0;
};

using Reading = std::variant<GpuReading, PodReading>;

}  // namespace oppen::cost
