#pragma once
// Samples as records, for the tests of this folder.
#include <string>

#include "schemas/cloud_event.hpp"
#include "schemas/parse.hpp"
#include "schemas/telemetry.hpp"
#include "workers/cost/usage/reading.hpp"

namespace oppen::cost::test {

inline Time at(const std::string& text) { return *parse_rfc3339(text); }

inline GpuSample gpu_sample() {
  GpuSample sample;
  sample.node = "gpu-node-1";
  sample.gpu_uuid = "GPU-5d5b1a3e-0c2f-4b7e-9f5c-2f0a1b3c4d5e";
  sample.gpu_type = "Tesla-V100-SXM2-32GB";
  sample.sampled_at = at("2026-01-03T18:20:00Z");
  sample.interval_seconds = 10;
  sample.utilization_percent = 87.5;
  sample.memory_used_mb = 21504;
  sample.memory_total_mb = 32768;
  sample.temperature_celsius = 71;
  sample.power_watts = 243.5;
  sample.pod = "resnet50-a-1";
  sample.pod_namespace = "ml-training";
  sample.job_id = "resnet50-a";
  sample.attempt = 1;
  return sample;
}

inline PodSample pod_sample() {
  PodSample sample;
  sample.pod = "resnet50-a-1";
  sample.pod_namespace = "ml-training";
  sample.node = "gpu-node-1";
  sample.job_id = "resnet50-a";
  sample.attempt = 1;
  sample.sampled_at = at("2026-01-03T18:20:00Z");
  sample.interval_seconds = 10;
  sample.cpu_cores = 3.25;
  sample.memory_bytes = std::int64_t{8} << 30;
  return sample;
}

inline KafkaRecord record_with(std::string_view type, std::string value) {
  CloudEvent event;
  event.id = "gpu/gpu-node-1/1";
  event.source = "/oppen/telemetry";
  event.type = type;
  event.time = at("2026-01-03T18:20:00Z");
  event.subject = "resnet50-a";
  return encode(event, "resnet50-a", std::move(value));
}

template <class Sample>
KafkaRecord record_of(const Sample& sample) {
  return record_with(Sample::type, to_text(sample));
}

}  // namespace oppen::cost::test
