#pragma once
// The recording format: JSON Lines, one Readings a line, in the names and units of reading.hpp.
//
//   {"at":"2026-01-03T18:15:00.000Z","gpus":[{"uuid":"GPU-5f1c...","index":0,"name":"Tesla T4","utilization_percent":97,
//     "sm_active_percent":41.5,"memory_used_mb":9021,"memory_total_mb":15360,"temperature_celsius":61,"power_watts":68.5,
//     "last_xid":0,"ecc_errors_total":0,"throttle_reasons":["sw_power_cap"],
//     "processes":[{"pid":4711,"memory_mb":9000,"utilization_percent":97}],
//     "pod":"train-1","pod_namespace":"ml-training","sharing":[{"pod":"a-1","pod_namespace":"ml-training"}]}]}
//
// `at`, `gpus` and each GPU's `uuid` and process's `pid` must be there; what else is missing or null is what the source couldn't tell.
// Unknown fields are ignored. A line is at most 1 MiB long.
#include <cstddef>
#include <memory>
#include <string>

#include "producers/telemetry/reading.hpp"

namespace oppen::telemetry {

inline constexpr std::size_t longest_recorded_line = std::size_t{1} << 20;

// Keeps its buffers from line to line. One thread.
class RecordingParser {
 public:
  RecordingParser();
  ~RecordingParser();

  // `line` without its end; its capacity may grow. Errors: invalid (names the field and its value).
  Result<Readings> parse(std::string& line);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// One line with its end. Any thread.
std::string recorded_line(const Readings& readings);

}  // namespace oppen::telemetry
