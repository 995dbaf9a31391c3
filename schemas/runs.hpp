#pragma once
// What training code, the MLflow bridge and the scheduler say on the topic `runs`. Plain values.
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/job.hpp"
#include "schemas/time.hpp"

namespace oppen {

struct RunProgress {
  static constexpr std::string_view type = "dev.oppen.run.progress.v1";
  std::string job_id;
  int attempt = 0;     // from 1
  std::string run_id;  // "" (absent): the job is not tracked as a run
  int epoch = 0;       // the last one finished; 0: none yet
  int epochs = 0;      // of how many; 0: not known
  Time at{};
  std::optional<double> epoch_seconds;
  nlohmann::json metrics = nlohmann::json::object();
};

// Reports of the same (job_id, attempt), else of the same run_id, count once.
struct RunCompleted {
  static constexpr std::string_view type = "dev.oppen.run.completed.v1";
  std::string run_id;
  std::string job_id;          // "" (absent): a run from outside
  std::optional<int> attempt;  // from 1
  std::string model_type;
  std::string workload_type = "training";
  std::string status;  // succeeded | failed
  int epochs = 0;
  int batch_size = 0;
  std::string precision;  // "" (absent), "fp32", "fp16", ...
  std::optional<Resources> resources;
  std::string gpu_type;
  int gpus = 0;
  Time started_at{};
  Time ended_at{};
  double duration_seconds = 0;
  nlohmann::json metrics =
      nlohmann::json::object();           // accuracy, latency_p99_ms, inferences_per_second, ...
  std::vector<double> epoch_seconds;      // one for each epoch
  std::optional<double> baseline_metric;  // of the unoptimised model, to compare with
  Priority priority = Priority::normal;
  bool spot = false;
  std::string team;
  std::string project;
};

}  // namespace oppen
