#pragma once
// A run as MLflow's REST API tells it. Plain values; reading is a pure function, any thread.
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace oppen::mlflow {

// The last value of a metric.
struct Metric {
  double value = 0;  // NaN and infinities as they are
  std::int64_t timestamp_ms = 0;
};

struct Run {
  std::string id;
  std::string status;              // RUNNING, SCHEDULED, FINISHED, FAILED, KILLED
  std::int64_t start_time_ms = 0;  // since 1970, by the clock of whoever began it; 0: not told
  std::int64_t end_time_ms = 0;    // the same of whoever ended it
  std::map<std::string, std::string> params;
  std::map<std::string, std::string> tags;
  std::map<std::string, Metric> metrics;
};

// nullopt: no run, since it has no id or no status. Other fields that are not as they should be count as absent.
std::optional<Run> parse_run(const nlohmann::json& run);

}  // namespace oppen::mlflow
