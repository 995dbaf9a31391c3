#include "bench/telemetry/recording_file.hpp"

#include <filesystem>
#include <fstream>

#include "bench/support/must.hpp"
#include "producers/telemetry/sources/recording.hpp"

namespace oppen::bench {

RecordingFile::RecordingFile(const std::string& folder, int readings, std::chrono::seconds apart)
    : path_(folder + "/recording.jsonl") {
  std::ofstream file(path_);
  telemetry::Readings line;
  line.at = must(parse_rfc3339("2026-01-05T09:00:00Z"), "writing a recording");
  for (int reading = 0; reading < readings; ++reading, line.at += apart) {
    line.gpus.clear();
    for (int index = 0; index < gpus; ++index) {
      telemetry::GpuReading gpu;
      gpu.uuid = "GPU-5d5b1a3e-0c2f-4b7e-9f5c-2f0a1b3c4d5" + std::to_string(index);
      gpu.index = index;
      gpu.name = "NVIDIA A100-SXM4-40GB";
      gpu.utilization_percent = (reading * 7 + index * 13) % 101;
      gpu.sm_active_percent = (reading * 3 + index) % 61;
      gpu.memory_used_mb = 10'000 + reading % 977;
      gpu.memory_total_mb = 40'960;
      gpu.temperature_celsius = 50 + reading % 30;
      gpu.power_watts = 100 + reading % 300;
      gpu.last_xid = 0;
      gpu.ecc_errors_total = 0;
      gpu.processes = {{1000 + index, 9'000, 40}, {2000 + index, 1'000, 10}};
      gpu.pod = "resnet50-20260103-181500-k3v7q2m" + std::to_string(index) + "-1";
      gpu.pod_namespace = "ml-training";
      line.gpus.push_back(std::move(gpu));
    }
    file << telemetry::recorded_line(line);
  }
  if (!file.flush()) give_up("writing a recording", path_ + " can't be written");
}

RecordingFile::~RecordingFile() {
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

}  // namespace oppen::bench
