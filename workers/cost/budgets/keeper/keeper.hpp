#pragma once
// Keeps the budgets: of all instances one at a time, under a lease, follows `costs` and `control`, sums what is spent, and tells it as
// budget.state, as of a moment (its time) up to which everything is read. The others stand by. Sums, marks and offsets are stored in one change; what a crash leaves untold the next keeper tells.
// By the same logs it counts what GPUs nobody takes (cost::IdleCount).
//
// All of it happens on the thread that calls run. Whenever Redis fails or another has taken over, everything in memory is dropped and
// taken over anew.
#include <memory>
#include <stop_token>
#include <string>

#include "producers/client/kafka.hpp"
#include "schemas/time.hpp"
#include "workers/runtime/metrics.hpp"

namespace oppen::budgets {

struct KeeperParts {
  const Clock& clock;
  runtime::Metrics& metrics;
  client::Producer& producer;
};

class Keeper {
 public:
  static constexpr std::chrono::seconds lease{6};  // how long a dead keeper is waited for

  // `parts` must outlive this.
  Keeper(client::KafkaSettings kafka, std::string redis_url, const KeeperParts& parts)
      : kafka_(std::move(kafka)), redis_url_(std::move(redis_url)), parts_(parts) {}

  // Until it is asked to stop. Whatever fails is tried again.
  void run(const std::stop_token& stop);

 private:
  client::KafkaSettings kafka_;
  std::string redis_url_;
  KeeperParts parts_;
};

}  // namespace oppen::budgets
