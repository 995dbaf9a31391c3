#include "workers/console/pooled_queue.hpp"

#include <nlohmann/json.hpp>

namespace oppen::console {
Result<std::unique_ptr<PooledQueue>> PooledQueue::create(std::string redis_url,
                                                         std::string topic_prefix,
                                                         std::chrono::milliseconds timeout) {
  std::unique_ptr<PooledQueue> pool(
      new PooledQueue(std::move(redis_url), std::move(topic_prefix), timeout));
  // Makes the first connection, which finds a malformed URL.
  const Status usable = pool->pool_.with([](runtime::Redis&) { return Status{}; });
  if (!usable) return fail(usable.error());
  return pool;
}

template <class T, class Ask>
Result<T> PooledQueue::with_redis(const Ask& ask) {
  return pool_.with([&](runtime::Redis& redis) -> Result<T> {
    queue::QueueReader reader(redis, prefix_);
    return ask(reader);
  });
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
Result<std::vector<std::pair<std::string, MicroUsd>>> PooledQueue::unseen() {
  return with_redis<std::vector<std::pair<std::string, MicroUsd>>>(
      [](auto& reader) { return reader.unseen(); });
}
Result<nlohmann::json> PooledQueue::policy() {
  return with_redis<nlohmann::json>([](auto& reader) { return reader.policy(); });
}
Result<nlohmann::json> PooledQueue::leader() {
  return with_redis<nlohmann::json>([](auto& reader) { return reader.leader(); });
}

Result<std::vector<budgets::BudgetView>> PooledQueue::budgets() {
  return pool_.with([&](runtime::Redis& redis) { return budgets::read_budgets(redis, prefix_); });
}

Status PooledQueue::ping() {
  return pool_.with([](runtime::Redis& redis) -> Status {
    const auto reply = redis.command({"PING"});
    if (!reply) return fail(reply.error());
    return {};
  });
}

}  // namespace oppen::console
