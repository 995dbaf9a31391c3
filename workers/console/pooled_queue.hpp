#pragma once
// The queue as read from Redis by many threads. Any thread.
#include <chrono>
#include <memory>
#include <string>

#include "workers/console/queue_view.hpp"
#include "workers/console/redis_pool.hpp"
#include "workers/cost/budgets/keeper/keeper_store.hpp"

namespace oppen::console {

class PooledQueue final : public QueueView {
 public:
  // Errors: invalid, for a malformed URL. A Redis that is away is no error here.
  static Result<std::unique_ptr<PooledQueue>> create(std::string redis_url,
                                                     std::string topic_prefix,
                                                     std::chrono::milliseconds timeout);

  Result<queue::Counters> counters() override;
  Result<queue::JobRecord> job(const std::string& job_id) override;
  Result<queue::BatchView> batch(const std::string& batch_id) override;
  Result<std::optional<std::int64_t>> position(const queue::JobRecord& record) override;
  Result<queue::Page> queued(const std::string& cursor, int limit) override;
  Result<queue::Page> live(const std::string& cursor, int limit) override;
  Result<queue::Page> ended(const std::string& cursor, int limit) override;
  Result<std::vector<std::pair<std::string, MicroUsd>>> unseen() override;
  Result<nlohmann::json> policy() override;
  Result<nlohmann::json> leader() override;

  // The budgets, from the same Redis.
  Result<std::vector<budgets::BudgetView>> budgets();

  // Whether Redis answers.
  Status ping();

  // The connections, for what else is read from the same Redis. As long as this lives.
  RedisPool& pool() { return pool_; }

 private:
  PooledQueue(std::string redis_url, std::string topic_prefix, std::chrono::milliseconds timeout)
      : pool_(std::move(redis_url), timeout), prefix_(std::move(topic_prefix)) {}

  template <class T, class Ask>
  Result<T> with_redis(const Ask& ask);

  RedisPool pool_;
  std::string prefix_;
};

}  // namespace oppen::console
