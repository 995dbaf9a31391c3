#pragma once
// Readings from a DCGM exporter's /metrics over HTTP. It names the pod of a GPU itself; it knows no processes.
#include <chrono>
#include <memory>
#include <string>

#include "producers/telemetry/reading.hpp"

namespace oppen::telemetry {

// `url`: "http://127.0.0.1:9400/metrics". The clock outlives the source. Never fails: whether the exporter answers, read() says.
std::unique_ptr<Source> open_dcgm(const std::string& url, const Clock& clock,
                                  std::chrono::milliseconds patience = std::chrono::seconds(5));

}  // namespace oppen::telemetry
