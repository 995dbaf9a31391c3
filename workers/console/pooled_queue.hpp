#pragma once
// The queue as read from Redis by many threads: each call borrows a connection from a small pool.
// Connections are made when first needed and kept; there are never more than threads that call at
// once. Any thread.
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "workers/console/queue_view.hpp"
#include "workers/cost/budgets/keeper/keeper_store.hpp"
#include "workers/runtime/redis.hpp"

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
  Result<nlohmann::json> policy() override;
  Result<nlohmann::json> leader() override;

  // The budgets, from the same Redis.
  Result<std::vector<budgets::BudgetView>> budgets();

  // Whether Redis answers.
  Status ping();

 private:
  PooledQueue(std::string redis_url, std::string topic_prefix, std::chrono::milliseconds timeout)
      : url_(std::move(redis_url)), prefix_(std::move(topic_prefix)), timeout_(timeout) {}

  Result<std::unique_ptr<runtime::Redis>> borrow();
  void give_back(std::unique_ptr<runtime::Redis> redis);
  template <class T, class Ask>
  Result<T> with_redis(const Ask& ask);

  std::string url_;
  std::string prefix_;
  std::chrono::milliseconds timeout_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<runtime::Redis>> idle_;  // under mutex_
};

}  // namespace oppen::console
