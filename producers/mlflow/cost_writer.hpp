#pragma once
// Writes to MLflow what each run that has ended has cost and was worth.
//
// There is no list beside MLflow of what has been written: a run's tags say it. Each run that a search finds without them is asked after and
// written to, and a sweep compares those that have them: so nothing is lost at whatever line this process dies, and a correction, or a
// baseline that was set later, is written too. Of runs that ended within the lookback: a console that is away for longer leaves those before
// it without their cost.
//
// One thread owns it.
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "producers/mlflow/api.hpp"
#include "producers/mlflow/cost_source.hpp"
#include "producers/mlflow/mapping.hpp"
#include "workers/runtime/health_server.hpp"
#include "workers/runtime/log.hpp"
#include "workers/runtime/metrics.hpp"

namespace oppen::mlflow {

class CostWriter {
 public:
  // Borrows all but the mapping.
  CostWriter(Api& api, CostSource& costs, Mapping mapping, runtime::Metrics& metrics,
             runtime::Health& health);

  // Around the pages of one look at MLflow. `sweeps`: it goes over all runs, also those that have been written to.
  void begin_pass(bool sweeps);
  void end_pass();
  // A console that is away, or an MLflow that takes nothing now, costs the rest of this pass, and no other work.
  void take(const std::vector<std::optional<Run>>& page);

  // Whether this look could write what there was to write; if not, why.
  const Status& written() const { return console_ ? mlflow_ : console_; }

 private:
  void ask(const std::vector<const Run*>& runs);
  Status write(const Run& run, const nlohmann::json& request);

  Api& api_;
  CostSource& costs_;
  Mapping mapping_;
  runtime::Health& health_;
  runtime::Counter& written_;
  runtime::Counter& refused_total_;

  bool sweeps_ = false;
  Status console_;
  Status mlflow_;
  runtime::Recurring trouble_;
  // Run ids that MLflow wants no costs for, and why: they are tried again by sweeps alone, and told of once.
  std::unordered_map<std::string, std::string> refused_;
  std::unordered_set<std::string> seen_;  // those of this sweep
};

}  // namespace oppen::mlflow
