#include "producers/telemetry/sources/choose.hpp"

#include <algorithm>
#include <utility>

#include "producers/telemetry/sources/dcgm.hpp"
#include "producers/telemetry/sources/nvidia_smi.hpp"
#include "producers/telemetry/sources/nvml.hpp"

namespace oppen::telemetry {

bool tells_utilization(const Readings& readings) {
  return std::any_of(readings.gpus.begin(), readings.gpus.end(), [](const GpuReading& gpu) {
    return gpu.utilization_percent || gpu.sm_active_percent;
  });
}

Result<std::unique_ptr<Source>> choose_source(const SourceSettings& settings, const Clock& clock) {
  std::string why;
  std::unique_ptr<Source> silent;  // the first that answers, but tells no utilisation
  // The source if it has readings with a utilisation at this moment, else null.
  const auto tried = [&](const char* what,
                         Result<std::unique_ptr<Source>> source) -> std::unique_ptr<Source> {
    const auto readings = source ? (*source)->read() : Result<Readings>(fail(source.error()));
    if (!readings) {
      why += std::string("; ") + what + ": " + readings.error().message;
      return nullptr;
    }
    if (tells_utilization(*readings)) return std::move(*source);
    if (silent == nullptr) silent = std::move(*source);
    return nullptr;
  };
  if (!settings.nvml_library.empty()) {
    if (auto source = tried("NVML", open_nvml(settings.nvml_library, clock))) return source;
  }
  if (!settings.dcgm_url.empty()) {
    // Its error names no more of the URL than is no secret.
    if (auto source = tried("DCGM exporter", open_dcgm(settings.dcgm_url, clock))) return source;
  }
  if (!settings.nvidia_smi.empty()) {
    if (auto source = tried("nvidia-smi", open_nvidia_smi(settings.nvidia_smi, clock)))
      return source;
  }
  if (silent != nullptr) return silent;
  return fail(ErrorKind::unavailable, "no source of GPU readings" + why);
}

}  // namespace oppen::telemetry
