#pragma once
// Readings from the program nvidia-smi, for where neither NVML nor a DCGM exporter can be reached. It knows no XID and no utilization
// of a process, and costs a process or two a reading.
#include <chrono>
#include <memory>
#include <string>

#include "producers/telemetry/reading.hpp"

namespace oppen::telemetry {

// `program`: a path, or a name on PATH. The clock outlives the source. A query that takes longer than `patience` is given up. Errors:
// not_found.
Result<std::unique_ptr<Source>> open_nvidia_smi(
    const std::string& program, const Clock& clock,
    std::chrono::milliseconds patience = std::chrono::seconds(10));

}  // namespace oppen::telemetry
