#pragma once
// Publishes what could have been saved on runs that have succeeded, some seconds after their end, on the topic `recommendations`. Which
// runs are due stands in Redis, and is taken out there once Kafka has acknowledged: whoever dies in between leaves them due, and the
// same ids are published again. It waits for nothing but Redis, looks once a second, and at a few runs only, so that what is charged does not wait
// for it; what it can't do it leaves or passes over. One thread.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "producers/client/kafka.hpp"
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

  // Of the partitions that are owned now. Errors: of LedgerStore; not those of a recommender, of a broken record or of Kafka.
  Status turn(std::map<int, std::unique_ptr<Partition>>& partitions, Time now);

 private:
  struct Sent;  // of one run, what is not acknowledged yet
  struct Found {
    Time ended_at{};
    std::vector<CostRecommendation> all;
  };

  Status look(const std::map<int, std::unique_ptr<Partition>>& partitions, Time now);
  // Errors: of Books; fatal, too, what went wrong in a recommender.
  Result<Found> savings_on(const std::string& id, Time now);
  Status advise(int partition, const std::string& id, Time now);
  Status settle(std::map<int, std::unique_ptr<Partition>>& partitions);

  client::Producer& producer_;
  LedgerStore& store_;
  Books books_;
  const pricing::RateHistory& rates_;
  runtime::Metrics& metrics_;
  std::vector<std::shared_ptr<Sent>> sent_;
  std::chrono::steady_clock::time_point next_look_{};
  runtime::Recurring trouble_;
};

}  // namespace oppen::cost
