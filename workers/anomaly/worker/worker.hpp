#pragma once
// Watches the bus and publishes alerts: of all instances one at a time, under a lease; the others stand by. What the rules know, the episodes,
// the alerts that are to be published and the offsets are stored in one fenced change; an alert is published when it is stored, and forgotten in
// the next change. So none is missing whatever dies, and one that is published twice has the same id.
//
// All of it happens on the thread that calls run. Whenever something fails or another instance has taken over, everything in memory is dropped and
// taken over anew.
#include <stop_token>
#include <string>

#include "producers/client/kafka.hpp"
#include "schemas/time.hpp"
#include "workers/runtime/health_server.hpp"
#include "workers/runtime/metrics.hpp"

namespace oppen::anomaly {

struct WorkerParts {
  const Clock& clock;
  runtime::Metrics& metrics;
  runtime::Health& health;
  client::Producer& producer;
};

class Worker {
 public:
  static constexpr std::chrono::seconds lease{6};  // how long a dead instance is waited for

  // `parts` must outlive this.
  Worker(client::KafkaSettings kafka, std::string redis_url, const WorkerParts& parts)
      : kafka_(std::move(kafka)), redis_url_(std::move(redis_url)), parts_(parts) {}

  // Until it is asked to stop. Whatever fails is tried again.
  void run(const std::stop_token& stop);

 private:
  client::KafkaSettings kafka_;
  std::string redis_url_;
  WorkerParts parts_;
};

}  // namespace oppen::anomaly
