#pragma once
// Readings from the driver itself, by NVML: the cheapest source and the one that knows most, its processes' use and XID errors
// included. SM activity is there from Hopper on (NVML's GPM), between two readings that lie 100 ms or more apart.
#include <memory>
#include <string>

#include "producers/telemetry/reading.hpp"

namespace oppen::telemetry {

// `library`: as dlopen takes it, "libnvidia-ml.so.1". The clock outlives the source. Errors: not_found (no such library), unavailable
// (the driver doesn't run, or has no GPU).
//
// A GPU that is lost stays in the readings with what is still known of it: its name and its last XID. When GPUs come or go, or the
// driver was restarted, the next read() finds them anew.
Result<std::unique_ptr<Source>> open_nvml(const std::string& library, const Clock& clock);

}  // namespace oppen::telemetry
