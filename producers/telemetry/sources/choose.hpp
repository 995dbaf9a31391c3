#pragma once
// Which source a node has.
#include <memory>
#include <string>

#include "producers/telemetry/reading.hpp"

namespace oppen::telemetry {

struct SourceSettings {
  std::string nvml_library = "libnvidia-ml.so.1";  // as dlopen takes it
  std::string dcgm_url = "http://127.0.0.1:9400/metrics";
  std::string nvidia_smi = "nvidia-smi";  // a path, or a name on PATH
};

// Whether at least one GPU tells its utilisation or SM activity, without which there are no samples.
bool tells_utilization(const Readings& readings);

// The first of NVML, the DCGM exporter and nvidia-smi that tells the utilisation of a GPU (in MIG mode NVML may tell none); if none does,
// the first that tells of a GPU. A setting of "" leaves that one out. The clock outlives the source. Errors: unavailable (why none of
// them would do: an exporter or a driver may still come up).
Result<std::unique_ptr<Source>> choose_source(const SourceSettings& settings, const Clock& clock);

}  // namespace oppen::telemetry
