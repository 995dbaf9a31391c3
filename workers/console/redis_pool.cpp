#include "workers/console/redis_pool.hpp"

namespace oppen::console {

Result<std::unique_ptr<runtime::Redis>> RedisPool::borrow() {
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

void RedisPool::give_back(std::unique_ptr<runtime::Redis> redis) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(redis));
}

}  // namespace oppen::console
