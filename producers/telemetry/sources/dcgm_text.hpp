#pragma once
// What a DCGM exporter serves at /metrics, versions 2 to 4: labels `pod`, `namespace` or the older `pod_name`, `pod_namespace`, or
// `exported_pod`, `exported_namespace` behind a Prometheus that kept its own; `UUID` or `uuid`. Sentinels are absent values.
//
// An instance of a GPU in MIG mode is a reading of its own, "<UUID>/<GPU_I_ID>", with the whole GPU's temperature and power. Pure
// function, any thread.
#include <string_view>
#include <vector>

#include "producers/telemetry/reading.hpp"

namespace oppen::telemetry {

// By index. Errors: invalid (names the line), unavailable (no GPU in it: the exporter has only begun, or is none).
Result<std::vector<GpuReading>> parse_dcgm(std::string_view text);

}  // namespace oppen::telemetry
