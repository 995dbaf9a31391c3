#include "tests/fuzz/targets.hpp"

#include <cstdio>
#include <cstdlib>
#include <set>
#include <utility>

#include "producers/telemetry/sources/dcgm_text.hpp"
#include "producers/telemetry/sources/nvidia_smi_text.hpp"
#include "producers/telemetry/sources/recording.hpp"

namespace oppen::fuzz {
namespace {

using telemetry::GpuReading;

void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

void must_be_within(const std::optional<double>& value, double low, double high, const char* what) {
  must(!value || (*value >= low && *value <= high), what);
}

void check(const telemetry::GpuProcess& process) {
  must(process.pid >= 0, "a pid is not negative");
  must_be_within(process.memory_mb, 0, 1 << 30, "memory of a process");
  must_be_within(process.utilization_percent, 0, 100, "utilization of a process");
}

void check(const GpuReading& gpu) {
  must(!gpu.uuid.empty(), "a GPU has a uuid");
  must(gpu.index >= 0, "an index is not negative");
  must_be_within(gpu.utilization_percent, 0, 100, "utilization");
  must_be_within(gpu.sm_active_percent, 0, 100, "SM activity");
  must_be_within(gpu.memory_used_mb, 0, 1 << 30, "memory used");
  must_be_within(gpu.memory_total_mb, 0, 3.0 * (1 << 30), "memory in all");
  must_be_within(gpu.temperature_celsius, -50, 250, "temperature");
  must_be_within(gpu.power_watts, 0, 100'000, "power");
  must(!gpu.last_xid || (*gpu.last_xid >= 0 && *gpu.last_xid <= 9999), "XID");
  must(!gpu.ecc_errors_total || *gpu.ecc_errors_total >= 0, "ECC errors");
  for (const auto& process : gpu.processes) check(process);
}

// An error says something, and no more of the input than a line of a log can hold.
void check(const Error& error) {
  must(!error.message.empty(), "an error has a message");
  must(error.message.size() < 1000, "an error is short");
}

}  // namespace

void nvidia_smi_gpus(std::string_view text) {
  auto columns = telemetry::gpu_columns();
  if (const auto unknown = telemetry::unknown_field(text)) {
    const auto fewer = telemetry::without(columns, *unknown);
    if (!fewer) return check(fewer.error());
    columns = *fewer;
  }
  const auto gpus = telemetry::parse_gpus(text, columns);
  if (!gpus) return check(gpus.error());
  must(!gpus->empty(), "no GPU is an error");
  for (const GpuReading& gpu : *gpus) check(gpu);
}

void nvidia_smi_processes(std::string_view text) {
  const auto rows = telemetry::parse_processes(text);
  if (!rows) return check(rows.error());
  for (const auto& row : *rows) {
    must(!row.gpu_uuid.empty(), "a process is on a GPU");
    check(row.process);
  }
}

void dcgm(std::string_view text) {
  const auto gpus = telemetry::parse_dcgm(text);
  if (!gpus) return check(gpus.error());
  must(!gpus->empty(), "no GPU is an error");
  std::set<std::string> uuids;
  for (const GpuReading& gpu : *gpus) {
    check(gpu);
    must(uuids.insert(gpu.uuid).second, "a GPU or instance is told of once");
    must(gpu.pod.empty() || gpu.sharing.empty(), "one pod, or several that share");
  }
}

// What is understood is written and understood again as the same.
void recording(std::string_view line) {
  thread_local telemetry::RecordingParser parser;
  std::string text(line);
  const auto readings = parser.parse(text);
  if (!readings) return check(readings.error());
  for (const GpuReading& gpu : readings->gpus) check(gpu);
  const std::string written = telemetry::recorded_line(*readings);
  text = written.substr(0, written.size() - 1);
  must(text.find('\n') == std::string::npos, "a recorded line is one line");
  const auto again = parser.parse(text);
  must(again.has_value(), "what was written can be read");
  must(telemetry::recorded_line(*again) == written, "it is read as it was written");
}

Target target(std::string_view name) {
  constexpr std::pair<std::string_view, Target> targets[] = {
      {"nvidia_smi_gpus", nvidia_smi_gpus},
      {"nvidia_smi_processes", nvidia_smi_processes},
      {"dcgm", dcgm},
      {"recording", recording}};
  for (const auto& [known, function] : targets) {
    if (name == known) return function;
  }
  return nullptr;
}

}  // namespace oppen::fuzz
