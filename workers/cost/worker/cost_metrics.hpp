#pragma once
// What Prometheus is told of cost, with a bound on how many series that are.
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "schemas/costs.hpp"
#include "workers/runtime/metrics.hpp"

namespace oppen::cost {

// A pod and what it costs.
struct PodCost {
  std::string pod;
  std::string pod_namespace;
  std::string model;
  std::string workload_type;
  MicroUsd hourly;
  MicroUsd total;
  bool runs = true;  // false: it has ended, and is not charged to its end yet
};

class CostMetrics {
 public:
  static constexpr std::size_t most_series = 1'000;  // by team, project and model
  static constexpr std::size_t most_pods = 2'000;

  explicit CostMetrics(runtime::Metrics& metrics);

  // A charge that has been made. The worker's thread.
  void count(const CostAccrued& charge);
  // A pod that has ended: it is shown for some minutes, so that the last of it is scraped.
  void ended(PodCost pod, Time now);
  // Those that run now or are not charged to their end, in place of those of before.
  void running(const std::vector<PodCost>& pods, Time now);
  // The families by pod, in the text format. Any thread.
  std::string pods_page() const;

 private:
  struct Ended {
    Time at{};
    PodCost pod;
  };
  using Key = std::tuple<std::string, std::string, std::string>;

  runtime::Metrics& metrics_;
  runtime::Counter& charges_without_series_;
  runtime::Gauge& pods_without_series_;
  std::map<Key, std::int64_t>
      owed_;  // what a correction took back: a counter does not go down, it waits
  std::map<std::pair<std::string, std::string>, MicroUsd>
      shown_;  // by namespace and pod: nor does what a pod has cost, while it is shown
  std::deque<Ended> ended_;
  mutable std::mutex mutex_;
  std::string page_;
};

}  // namespace oppen::cost
