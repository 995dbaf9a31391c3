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

// NVML if it loads and has a GPU, else the DCGM exporter if it answers, else nvidia-smi if it tells of a GPU. A setting of "" leaves
// that one out. The clock outlives the source. Errors: unavailable (why none of them would do: an exporter or a driver may still come
// up).
Result<std::unique_ptr<Source>> choose_source(const SourceSettings& settings, const Clock& clock);

}  // namespace oppen::telemetry
