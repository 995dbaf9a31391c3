#pragma once
// The keeper's counting of GPUs that nobody takes (cost::IdleCount): what of it needs Redis, Kafka or a clock. Lives as long as a lease is held;
// the keeper stores what it gives with the offsets up to which it has taken both logs. One thread.
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "producers/client/kafka.hpp"
#include "scheduler/queue/reader.hpp"
#include "workers/cost/budgets/keeper/keeper.hpp"
#include "workers/cost/budgets/keeper/keeper_store.hpp"
#include "workers/cost/idle/idle_count.hpp"

namespace oppen::budgets {

class IdleKeeping {
 public:
  // All must outlive this.
  IdleKeeping(const KeeperParts& parts, runtime::Redis& redis, queue::QueueReader& queue,
              KeeperStore& store, client::Consumer& consumer)
      : parts_(parts), redis_(redis), queue_(queue), store_(store), consumer_(consumer) {}

  // What is stored, before anything else. `renew`: the lease, which this may outlast.
  Status load(const std::function<Status()>& renew);
  // Counts from now on: without its charges all that was before would be idle. Gives what is to be stored of it.
  Status begin(std::vector<Cell>& cells);

  // What `control` says of nodes and rates. What is not valid there the scheduler sets aside.
  void take(const CloudEvent& event, const client::ConsumedRecord& record);
  void take(const CostAccrued& charge, const client::ConsumedRecord& record);
  // The capacity of the nodes, once `control`, which is being read, has come to where it ended a moment ago; and drops days that are too old.
  // Each now and then.
  Status count();
  Status forget();

  // How many cells take_changes would give.
  std::size_t pending() const { return idle_.pending(); }
  void take_changes(std::vector<Cell>& cells) { idle_.take_changes(cells); }
  // Another counts from now on.
  void show_nothing() { show({}); }

 private:
  using SteadyClock = std::chrono::steady_clock;

  Result<Time> believed_now();
  Status take_policy_in_force();
  void show(const cost::IdleRows& today);

  const KeeperParts& parts_;
  runtime::Redis& redis_;
  queue::QueueReader& queue_;
  KeeperStore& store_;
  client::Consumer& consumer_;
  cost::IdleCount idle_;
  // Up to when is to be counted, once `control` is read to count_at_.
  std::optional<Time> count_to_;
  std::int64_t count_at_ = 0;
  SteadyClock::time_point next_count_;
  SteadyClock::time_point next_forgetting_;
  std::set<std::string> types_;  // of GPUs that have series
};

}  // namespace oppen::budgets
