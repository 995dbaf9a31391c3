#pragma once
// What turns MLflow's runs into events: each run that has ended into one run.completed, each of a job that goes on into run.progress
// whenever it says something new.
//
// What has been published is known from the topic itself, which is read back at the start and after every doubt: there is no cursor
// beside it that could be behind or ahead of it, at whatever line this process dies. A run counts as published once the broker has
// acknowledged it. What remains are records that a killed bridge had handed to the broker and that become readable only after its
// successor has read the topic to its end (a moment; a lagging replica), and two bridges at once: then a run stands there twice, with the
// same id, and consumers count it once.
//
// One thread owns it.
#include <chrono>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "producers/mlflow/api.hpp"
#include "producers/mlflow/cost_writer.hpp"
#include "producers/mlflow/mapping.hpp"
#include "producers/mlflow/runs_topic.hpp"
#include "producers/mlflow/search.hpp"
#include "workers/runtime/health_server.hpp"
#include "workers/runtime/log.hpp"
#include "workers/runtime/metrics.hpp"

namespace oppen::mlflow {

struct BridgeOptions {
  std::vector<std::string> experiments;  // by name; empty: all
  int page_size = 100;
  // How old an end may be that is still told. Less than the topic keeps its records, else a run could be told again.
  std::chrono::hours lookback{24 * 7};
  std::chrono::seconds sweep_interval{600};
};

class Bridge {
 public:
  // Borrows all but the mapping and the options. `costs` null: nobody wants them written.
  Bridge(Api& api, RunsTopic& topic, CostWriter* costs, Mapping mapping, BridgeOptions options,
         runtime::Metrics& metrics, runtime::Health& health);

  // Looks at MLflow once and publishes what is new. On an error call it again later: what has been published until then is known, the
  // rest is found again. Errors: as of Api and RunsTopic.
  Status pass(Time now);

 private:
  using Events = std::vector<KafkaRecord>;

  Status read_back();
  Result<std::vector<std::string>> experiment_ids();
  Status search(const std::vector<std::string>& experiment_ids, bool sweeps);
  Status take(const std::vector<std::optional<Run>>& page);
  void take_running(const Run& run, Events& events);
  void take_ended(const Run& run, Events& events);
  void skip(const Run& run, const std::string& reason);
  Status publish(const Events& events);

  Api& api_;
  RunsTopic& topic_;
  CostWriter* costs_;
  Mapping mapping_;
  BridgeOptions options_;
  runtime::Health& health_;
  runtime::Counter& completed_;
  runtime::Counter& progressed_;
  runtime::Counter& skipped_total_;
  runtime::Gauge& last_pass_;

  bool knows_topic_ = false;
  Time pass_began_{};
  // Run ids with a run.completed, and the last pass that found it on the topic or in MLflow's answers.
  std::unordered_map<std::string, Time> done_;
  std::unordered_map<std::string, std::string> progress_;  // run id -> id of its last run.progress
  std::unordered_map<std::string, std::string> skipped_;   // run id -> why
  std::unordered_set<std::string> seen_;  // run ids of this pass that go on or were skipped
  std::optional<Time> last_pass_began_;   // of the last one that came to its end
  std::optional<Time> last_sweep_began_;
  runtime::Recurring missing_experiment_;
};

}  // namespace oppen::mlflow
