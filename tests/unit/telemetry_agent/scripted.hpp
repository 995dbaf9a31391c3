#pragma once
// Readings made by hand, and a source that plays them.
#include <deque>
#include <string>
#include <utility>

#include "producers/telemetry/holders.hpp"
#include "producers/telemetry/pods.hpp"
#include "producers/telemetry/reading.hpp"

namespace oppen::telemetry {

// So many milliseconds after a moment that all windows of 10 s end at.
inline Time at(int milliseconds) {
  return Time(std::chrono::hours(24 * 365 * 56)) + std::chrono::milliseconds(milliseconds);
}

inline GpuReading gpu(double utilization = 50, const std::string& uuid = "GPU-a") {
  GpuReading reading;
  reading.uuid = uuid;
  reading.name = "A100";
  reading.utilization_percent = utilization;
  reading.memory_used_mb = 1000;
  reading.memory_total_mb = 40960;
  reading.temperature_celsius = 60;
  reading.power_watts = 200;
  return reading;
}

inline KnownPod pod(const std::string& job, const std::string& uid, int attempt = 1) {
  KnownPod known;
  known.uid = uid;
  known.name = job + "-" + std::to_string(attempt);
  known.pod_namespace = "ml-training";
  known.node = "node-1";
  known.job_id = job;
  known.attempt = attempt;
  known.model_type = "resnet50";
  known.gpus = 1;
  known.started_at = at(0);
  return known;
}

inline Holder holder(const std::string& job, double part = 1) {
  Holder result;
  result.pod = job + "-1";
  result.pod_namespace = "ml-training";
  result.job_id = job;
  result.model_type = "resnet50";
  result.attempt = 1;
  result.part = part;
  return result;
}

class ScriptedSource final : public Source {
 public:
  std::string name() const override { return "scripted"; }
  Result<Readings> read() override {
    if (script.empty()) return fail(ErrorKind::not_found, "the script ends here");
    auto next = std::move(script.front());
    script.pop_front();
    return next;
  }
  std::deque<Result<Readings>> script;
};

class SetClock final : public Clock {
 public:
  Time now() const override { return time; }
  Time time = at(0);
};

}  // namespace oppen::telemetry
