#pragma once
// The cost worker: consumes job events and reports of runs as a member of a group, keeps the ledger of the partitions that it owns, and publishes
// what their attempts cost. All of it happens on the thread that calls run, but that samples are parsed ahead by another (ReadAhead).
//
// A turn takes some records, applies them, charges what is due, stores jobs, offsets and charges in one change of each partition,
// and then publishes. What a crash leaves unpublished the next owner publishes, under the same ids. Whenever Redis fails or
// another instance has taken a partition, everything in memory is dropped and taken over anew from Redis and the log.
#include <map>
#include <memory>
#include <stop_token>
#include <string>

#include "producers/client/group_consumer.hpp"
#include "workers/cost/worker/cost_metrics.hpp"
#include "workers/cost/worker/rates_reader.hpp"
#include "workers/cost/worker/takeover.hpp"
#include "workers/runtime/dead_letter.hpp"
#include "workers/runtime/health_server.hpp"
#include "workers/runtime/log.hpp"
#include "workers/runtime/redis.hpp"

namespace oppen::cost {

struct WorkerParts {
  const Clock& clock;
  runtime::Metrics& metrics;
  runtime::Health& health;
  CostMetrics& cost_metrics;
  client::Producer& producer;  // keeps trying for ever
};

class Worker {
 public:
  // `parts` must outlive this. Errors: invalid settings.
  static Result<std::unique_ptr<Worker>> create(const client::KafkaSettings& kafka,
                                                const std::string& redis_url,
                                                const WorkerParts& parts);
  ~Worker();

  // Until it is asked to stop. Errors: fatal.
  Status run(const std::stop_token& stop);

 private:
  struct Impl;
  explicit Worker(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace oppen::cost
