#pragma once
// The seeds' example: an MNIST run of 4.1 minutes on one GPU and one core, at noon.
// 4.1 / 60 h x ($0.25 + $0.05) = $0.0205.
#include <vector>

#include "workers/cost/recommend/recommend.hpp"

namespace oppen::cost::test {

inline Time at(const char* text) { return *parse_rfc3339(text); }

inline void price(RunRecord& run) {
  pricing::Usage usage;
  usage.resources = run.resources;
  usage.gpu_type = run.gpu_type;
  usage.priority = run.priority;
  usage.spot = run.spot;
  run.ended_at = *run.started_at +
                 std::chrono::milliseconds(static_cast<std::int64_t>(run.run_seconds * 1000));
  const auto price = pricing::price(usage, *run.started_at, *run.ended_at, {});
  run.spent.gpu_microusd = price.gpu.value;
  run.spent.cpu_microusd = price.cpu.value;
  run.spent.memory_microusd = price.memory.value;
  run.spent.total_microusd = price.total.value;
}

inline RunRecord mnist() {
  RunRecord run;
  run.job_id = "mnist-1";
  run.name = "mnist-nightly";
  run.model_type = "mnist";
  run.workload_type = "training";
  run.team = "vision";
  run.gpu_type = "V100";
  run.resources.cpu_millicores = 1000;
  run.state = "succeeded";
  run.attempts = 1;
  run.epochs = 2;
  run.epochs_done = 2;
  run.batch_size = 64;
  run.started_at = at("2026-01-03T12:00:00Z");
  run.run_seconds = 246;
  run.metrics = {{"accuracy", 0.987}};
  price(run);
  return run;
}

// So many like it, each later than the one before.
inline std::vector<RunRecord> like(const RunRecord& run, int count, const std::string& id) {
  std::vector<RunRecord> runs(static_cast<std::size_t>(count), run);
  for (std::size_t i = 0; i < runs.size(); ++i) runs[i].job_id = id + std::to_string(i);
  return runs;
}

// Telemetry tells of all of it.
inline void measure(RunRecord& run, double mean, double highest) {
  run.gpu_utilization_percent = mean;
  run.gpu_utilization_max_percent = highest;
  run.utilization_source = "sm_active";
  run.spent.measured_microusd = run.spent.gpu_microusd;
}

inline std::vector<CostRecommendation> recommended(const RunRecord& run,
                                                   const std::vector<RunRecord>& history = {},
                                                   const std::vector<double>& by_epoch = {},
                                                   const TrackRecords& followed = {}) {
  const pricing::CostModel model;
  return recommend({run, history, model, by_epoch, followed});
}

inline const CostRecommendation* of(const std::vector<CostRecommendation>& all,
                                    std::string_view strategy) {
  for (const auto& one : all)
    if (one.strategy == strategy) return &one;
  return nullptr;
}

}  // namespace oppen::cost::test
