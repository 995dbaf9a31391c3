#pragma once
// An MLflow and a topic in memory, which fail when the test says so.
#include <deque>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "producers/mlflow/api.hpp"
#include "producers/mlflow/cost_source.hpp"
#include "producers/mlflow/runs_topic.hpp"

namespace oppen::mlflow {

inline constexpr std::int64_t day_ms = 24LL * 3600 * 1000;

// Understands what the bridge asks: conditions on status, start_time and end_time joined by "and", the order by end_time, pages whose token
// is the place of their first run, as MLflow's own stores make them. Of what is logged it keeps the metrics' history without repetitions and
// shows the latest of each, by time and then by value, as they do.
class FakeMlflow final : public Api {
 public:
  struct Experiment {
    std::string id;
    std::string name;
    std::deque<nlohmann::json> runs;  // whose addresses stay
  };
  std::vector<Experiment> experiments = {{"0", "Default", {}}};
  std::vector<std::pair<std::string, nlohmann::json>> asked;  // endpoint and request
  std::deque<std::optional<Error>> answers;  // to the next requests; nullopt or none: as it should
  std::function<void()> after_page;          // called once a page with runs has been made
  std::size_t largest_answer = 1'000'000;    // of runs in a page, before Error invalid
  std::map<std::pair<std::string, std::string>, std::set<std::pair<std::int64_t, double>>>
      history;                // by run and metric: time and value
  int dies_in_log_batch = 0;  // the next so often: once the metrics are kept, before the tags

  Result<nlohmann::json> post(const std::string& endpoint, const nlohmann::json& request) override;

  // A run that all fields of an event can be read of. `end_time_ms` 0: it goes on. `experiment`: its place.
  nlohmann::json& add(const std::string& id, std::int64_t end_time_ms,
                      const std::string& status = "FINISHED", std::size_t experiment = 0);
  nlohmann::json& run(const std::string& id);
  void remove(const std::string& id);
  int searches() const;  // requests for runs so far
  int writes() const;    // that were asked for

 private:
  nlohmann::json page_of_experiments(const nlohmann::json& request) const;
  Result<nlohmann::json> page_of_runs(const nlohmann::json& request);
  Result<nlohmann::json> log_batch(const nlohmann::json& request);
};

// Knows costs, and what it was asked for.
class FakeCosts final : public CostSource {
 public:
  std::map<std::string, MicroUsd> costs;
  std::vector<std::vector<std::string>> asked;
  std::optional<Error> away;

  Result<std::map<std::string, MicroUsd>> charged(
      const std::vector<std::string>& attempts) override;
};

// Sets or replaces a "params" or "tags" entry, or a metric.
void set(nlohmann::json& run, const char* kind, const std::string& key, const nlohmann::json& value,
         std::int64_t timestamp_ms = 0);
// Takes it away.
void drop(nlohmann::json& run, const char* kind, const std::string& key);

class FakeTopic final : public RunsTopic {
 public:
  std::vector<KafkaRecord> records;
  std::optional<Error> away;          // what every call answers, once set
  std::optional<Error> lost_answers;  // publish keeps the records, and says this
  int read_backs = 0;

  Status reachable() override;
  Status read_back(const std::function<void(const KafkaRecord&)>& take) override;
  Result<std::vector<Status>> publish(const std::vector<KafkaRecord>& records) override;

  // The data of the records of that type ("run.completed"), in order.
  std::vector<nlohmann::json> told(const std::string& type) const;
};

}  // namespace oppen::mlflow
