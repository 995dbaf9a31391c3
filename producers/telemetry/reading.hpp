#pragma once
// One look at the GPUs of a node, as a source saw them. Plain values in the units of the contract; what a source can't tell, or tells
// as a sentinel ("not supported"), is absent, never 0.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "schemas/error.hpp"
#include "schemas/time.hpp"

namespace oppen::telemetry {

// A process that holds the GPU, as the driver lists it.
struct GpuProcess {
  std::int64_t pid = 0;             // of the host's pid namespace
  std::optional<double> memory_mb;  // MiB on this GPU
  std::optional<double>
      utilization_percent;  // of the GPU's time, where the driver counts it by process
};

struct PodName {
  std::string name;
  std::string pod_namespace;

  bool operator==(const PodName&) const = default;
};

struct GpuReading {
  std::string uuid;
  int index = 0;
  std::string name;  // the product, as the driver spells it: "NVIDIA A100-SXM4-40GB"
  std::optional<double> utilization_percent;
  std::optional<double> sm_active_percent;
  std::optional<double> memory_used_mb;
  std::optional<double> memory_total_mb;
  std::optional<double> temperature_celsius;
  std::optional<double> power_watts;
  // The last error code that the driver told. DCGM's gauge never goes back, so a change alone is news; 0 or absent: none yet.
  std::optional<int> last_xid;
  // Where the source is told each error code: those since the reading before, oldest first, the same one as often as it came.
  std::vector<int> new_xids;
  std::optional<std::int64_t> ecc_errors_total;  // uncorrected, since the driver started counting
  std::vector<std::string>
      throttle_reasons;  // "sw_power_cap", "hw_thermal_slowdown", ...: what holds now, idleness aside
  std::vector<GpuProcess> processes;
  // Where the source names the pod itself (a DCGM exporter with pod attribution, a recording); "" where it doesn't.
  std::string pod;
  std::string pod_namespace;
  std::vector<PodName> sharing;  // where it names several pods that share the GPU: `pod` is "" then
};

struct Readings {
  Time at{};
  std::vector<GpuReading> gpus;
};

// Where readings come from. One thread uses it.
class Source {
 public:
  virtual ~Source() = default;
  virtual std::string name() const = 0;  // "nvml", "nvidia-smi", "dcgm", "replay"
  // Every GPU of the node now. Errors: unavailable (it can't answer at the moment: ask again), invalid (it answered what can't be
  // understood; names where), not_found (a recording's end).
  virtual Result<Readings> read() = 0;
};

}  // namespace oppen::telemetry
