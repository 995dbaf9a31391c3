#pragma once
// What the cost worker keeps for reports, forecasts and recommendations: what each day cost, and a record of each run. Plain values.
#include <chrono>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "schemas/job.hpp"
#include "schemas/time.hpp"

namespace oppen::cost {

// Amounts that add up. Money in micro-dollars, corrections included; times in milliseconds.
struct Spent {
  std::int64_t gpu_microusd = 0;
  std::int64_t cpu_microusd = 0;
  std::int64_t memory_microusd = 0;
  std::int64_t total_microusd = 0;
  std::int64_t run_ms = 0;  // that attempts ran
  std::int64_t gpu_ms = 0;  // the same, times the GPUs (or the share of one) that they held
  std::int64_t core_ms =
      0;  // times the cores; like gib_ms of days alone, and of charges that tell it
  std::int64_t gib_ms = 0;  // times the GiB of memory
  std::int64_t measured_microusd =
      0;  // that part of gpu_microusd for which telemetry told the utilisation
  std::int64_t effective_microusd = 0;  // the sum of that times the utilisation: what worked

  Spent& operator+=(const Spent& other);
};

// What a day's cost is told by. "" where a run names none.
struct DayKey {
  std::chrono::sys_days day;  // of UTC, in which the charged interval began
  std::string team;
  std::string project;
  std::string model_type;
  std::string workload_type;
  std::string gpu_type;  // "" without a GPU
  std::string pod_namespace;
};

struct DayRow {
  DayKey key;
  Spent spent;
};

// A job, or a run from outside (job_id empty), over all its attempts, as far as it has come.
struct RunRecord {
  std::string job_id;
  std::string run_id;
  std::string name;
  std::string team;
  std::string project;
  std::string user;
  std::string model_type;
  std::string workload_type;
  Priority priority = Priority::normal;
  bool spot = false;
  Resources resources;
  std::string gpu_type;  // what the last attempt got
  std::vector<std::string>
      other_gpu_types;  // what earlier ones were charged for, where it was another
  std::string state;    // as job events say: running, succeeded, failed, cancelled, ...
  int attempts = 0;
  int epochs = 0;       // that were asked for
  int epochs_done = 0;  // as run.progress or run.completed tell; 0: nothing told
  int batch_size = 0;
  std::string precision;              // "" where nobody said
  std::optional<Time> started_at;     // of the first attempt that began
  std::optional<Time> ended_at;       // of the last one, once the job is over
  std::optional<Time> charged_until;  // of the attempt that was charged last
  double run_seconds = 0;             // that its attempts have run
  std::vector<double> epoch_seconds;  // of the last attempt, where it told; the latest 1,000
  nlohmann::json metrics =
      nlohmann::json::object();  // accuracy, latency_p99_ms, inferences_per_second, ...
  std::optional<double> baseline_metric;
  // What telemetry told of the attempt that was measured last.
  std::optional<double> gpu_utilization_percent;      // mean over the measured time
  std::optional<double> gpu_utilization_max_percent;  // the highest mean of an interval
  std::string
      utilization_source;  // "sm_active" or "gpu_utilization"; "" where nothing was measured
  std::optional<double> gpu_memory_max_mb;
  std::optional<double> cpu_cores_mean;
  std::optional<double> cpu_cores_max;
  std::optional<double> memory_max_bytes;
  Spent spent;
};

// What came of the recommendations of one strategy for a model type.
struct TrackRecord {
  int followed = 0;
  int kept = 0;                  // of these, that saved what they promised
  double saved_percent_sum = 0;  // below zero: they cost more

  double mean_saved_percent() const { return followed == 0 ? 0 : saved_percent_sum / followed; }
};
using TrackRecords = std::map<std::string, TrackRecord, std::less<>>;  // by strategy

}  // namespace oppen::cost
