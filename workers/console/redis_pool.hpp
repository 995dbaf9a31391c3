#pragma once
// Connections to Redis for many threads: each call borrows one. They are made when first needed and kept; there are never more
// than threads that call at once. Any thread.
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "workers/runtime/redis.hpp"

namespace oppen::console {

class RedisPool {
 public:
  RedisPool(std::string redis_url, std::chrono::milliseconds timeout)
      : url_(std::move(redis_url)), timeout_(timeout) {}

  // What `ask` makes of a connection: a Result. Errors: invalid, for a malformed URL. A Redis that is away is no error of the
  // borrowing, but of the first command.
  template <class Ask>
  auto with(const Ask& ask) -> decltype(ask(std::declval<runtime::Redis&>())) {
    auto redis = borrow();
    if (!redis) return fail(redis.error());
    auto result = ask(**redis);
    give_back(*std::move(redis));
    return result;
  }

 private:
  Result<std::unique_ptr<runtime::Redis>> borrow();
  void give_back(std::unique_ptr<runtime::Redis> redis);

  std::string url_;
  std::chrono::milliseconds timeout_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<runtime::Redis>> idle_;  // under mutex_
};

}  // namespace oppen::console
