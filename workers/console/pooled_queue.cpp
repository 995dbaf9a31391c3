#include "workers/console/pooled_queue.hpp"

#include <nlohmann/json.hpp>

namespace oppen::console {
Result<std::unique_ptr<PooledQueue>> PooledQueue::create(std::string redis_url,
                                                         std::string topic_prefix,
                                                         std::chrono::milliseconds timeout) {
  std::unique_ptr<PooledQueue> pool(
      new PooledQueue(std::move(redis_url), std::move(topic_prefix), timeout));
  auto first = pool->borrow();
  if (!first) return fail(first.error());
  pool->give_back(*std::move(first));
  return pool;
}

Result<std::unique_ptr<runtime::Redis>> PooledQueue::borrow() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto redis = std::move(idle_.back());
      idle_.pop_back();
      return redis;
    }
  }
  return runtime::Redis::create(url_, timeout_);
}

void PooledQueue::give_back(std::unique_ptr<runtime::Redis> redis) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(redis));
}

template <class T, class Ask>
Result<T> PooledQueue::with_redis(const Ask& ask) {
  auto redis = borrow();
  if (!redis) return fail(redis.error());
  queue::QueueReader reader(**redis, prefix_);
  Result<T> result = ask(reader);
  give_back(*std::move(redis));
  return result;
}

Result<queue::Counters> PooledQueue::counters() {
  return with_redis<queue::Counters>([](auto& reader) { return reader.counters(); });
}
Result<queue::JobRecord> PooledQueue::job(const std::string& job_id) {
  return with_redis<queue::JobRecord>([&](auto& reader) { return reader.job(job_id); });
}
Result<queue::BatchView> PooledQueue::batch(const std::string& batch_id) {
  return with_redis<queue::BatchView>([&](auto& reader) { return reader.batch(batch_id); });
}
Result<std::optional<std::int64_t>> PooledQueue::position(const queue::JobRecord& record) {
  return with_redis<std::optional<std::int64_t>>(
      [&](auto& reader) { return reader.position(record); });
}
Result<queue::Page> PooledQueue::queued(const std::string& cursor, int limit) {
  return with_redis<queue::Page>([&](auto& reader) { return reader.queued(cursor, limit); });
}
Result<queue::Page> PooledQueue::live(const std::string& cursor, int limit) {
  return with_redis<queue::Page>([&](auto& reader) { return reader.live(cursor, limit); });
}
Result<queue::Page> PooledQueue::ended(const std::string& cursor, int limit) {
  return with_redis<queue::Page>([&](auto& reader) { return reader.ended(cursor, limit); });
}
Result<nlohmann::json> PooledQueue::policy() {
  return with_redis<nlohmann::json>([](auto& reader) { return reader.policy(); });
}
Result<nlohmann::json> PooledQueue::leader() {
  return with_redis<nlohmann::json>([](auto& reader) { return reader.leader(); });
}

Result<std::vector<budgets::BudgetView>> PooledQueue::budgets() {
  auto redis = borrow();
  if (!redis) return fail(redis.error());
  auto found = budgets::read_budgets(**redis, prefix_);
  give_back(*std::move(redis));
  return found;
}

Status PooledQueue::ping() {
  auto redis = borrow();
  if (!redis) return fail(redis.error());
  const auto reply = (*redis)->command({"PING"});
  give_back(*std::move(redis));
  if (!reply) return fail(reply.error());
  return {};
}

}  // namespace oppen::console
