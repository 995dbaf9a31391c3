#include "producers/telemetry/sources/choose.hpp"

#include "producers/telemetry/sources/dcgm.hpp"
#include "producers/telemetry/sources/nvidia_smi.hpp"
#include "producers/telemetry/sources/nvml.hpp"

namespace oppen::telemetry {
namespace {

// The source if it has readings at this moment.
Result<std::unique_ptr<Source>> tried(Result<std::unique_ptr<Source>> source) {
  if (!source) return source;
  if (const auto readings = (*source)->read(); !readings) return fail(readings.error());
  return source;
}

}  // namespace

Result<std::unique_ptr<Source>> choose_source(const SourceSettings& settings, const Clock& clock) {
  std::string why;
  const auto note = [&why](const std::string& what, const Error& error) {
    why += "; " + what + ": " + error.message;
  };
  if (!settings.nvml_library.empty()) {
    auto source = tried(open_nvml(settings.nvml_library, clock));
    if (source) return source;
    note("NVML", source.error());
  }
  if (!settings.dcgm_url.empty()) {
    auto source = tried(open_dcgm(settings.dcgm_url, clock));
    if (source) return source;
    note("DCGM exporter", source.error());  // which names no more of the URL than is no secret
  }
  if (!settings.nvidia_smi.empty()) {
    auto source = tried(open_nvidia_smi(settings.nvidia_smi, clock));
    if (source) return source;
    note("nvidia-smi", source.error());
  }
  return fail(ErrorKind::unavailable, "no source of GPU readings" + why);
}

}  // namespace oppen::telemetry
