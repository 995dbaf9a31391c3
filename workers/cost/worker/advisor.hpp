#pragma once
// Publishes what could have been saved on runs that have succeeded on the topic `recommendations`, and compares what was recommended with
// what came of it. Which runs are due stands in Redis, and is taken out there once Kafka has acknowledged, in the same change that counts
// what was followed: whoever dies in between leaves them due, and the same ids are published again.
//
// By the way it counts how the forecasts' intervals do: whether the run ended within that which it would have had at its start.
//
// It waits for nothing but Redis, and looks once a second for at most a tenth of one, so that charging does not wait for it. What Kafka has not
// acknowledged is one look's at most. One thread.
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "producers/client/kafka.hpp"
#include "scheduler/plan/policy.hpp"
#include "schemas/recommendations.hpp"
#include "workers/cost/books/books.hpp"
#include "workers/cost/worker/takeover.hpp"
#include "workers/runtime/log.hpp"
#include "workers/runtime/metrics.hpp"

namespace oppen::cost {

class Advisor {
 public:
  // What is given must outlive this. The producer as of Publisher; `redis` is that of `store`.
  Advisor(client::Producer& producer, LedgerStore& store, runtime::Redis& redis,
          const std::string& topic_prefix, const pricing::RateHistory& rates,
          runtime::Metrics& metrics);

  using Partitions = std::map<int, std::unique_ptr<Partition>>;
  // Of the partitions that are owned now; those of which `is_ready` says no can wait. Errors: of LedgerStore; not those of a recommender, of a
  // broken record or of Kafka.
  // `policy`: the scheduling policies in force.
  Status turn(Partitions& partitions, const std::function<bool(int, const Partition&)>& is_ready,
              const plan::Policy& policy, Time now);

 private:
  struct Sent;     // of one run, what is not acknowledged yet
  struct History;  // of the model type that was looked at last

  Status look(const Partitions& partitions,
              const std::function<bool(int, const Partition&)>& is_ready,
              const plan::Policy& policy, Time now);
  Status advise(int partition, const std::string& id, const plan::Policy& policy, Time now,
                History& history);
  // Errors: of Books and LedgerStore.
  Result<std::vector<CostRecommendation>> savings_on(const RunRecord& run, Time now,
                                                     History& history);
  Result<std::vector<Followed>> followed_by_run(const RunRecord& run);
  void send(const std::shared_ptr<Sent>& sent, const CostRecommendation& one, Time ended_at);
  Status settle(Partitions& partitions);
  void count(const Sent& sent);

  client::Producer& producer_;
  LedgerStore& store_;
  Books books_;
  const pricing::RateHistory& rates_;
  runtime::Metrics& metrics_;
  std::vector<std::shared_ptr<Sent>> sent_;
  int first_ = 0;  // the partition whose turn it is to be looked at first
  std::chrono::steady_clock::time_point next_look_{};
  runtime::Recurring trouble_;
};

}  // namespace oppen::cost
