#include "scheduler/queue/lease.hpp"

#include "scheduler/queue/keys.hpp"
#include "scheduler/queue/lua_scripts.hpp"

namespace oppen::queue {

using runtime::RedisReply;
using runtime::RedisScript;

Lease::Lease(runtime::Redis& redis, const std::string& topic_prefix, std::string instance,
             std::chrono::milliseconds ttl)
    : redis_(redis), prefix_(key_prefix(topic_prefix)), instance_(std::move(instance)), ttl_(ttl) {}

Result<bool> Lease::hold() {
  static const RedisScript script(lua::lease);
  return redis_
      .eval(script, {prefix_ + "lease"}, {prefix_, instance_, std::to_string(ttl_.count())})
      .map([](const RedisReply& reply) { return reply.integer == 1; });
}

void Lease::release() {
  static const RedisScript script(lua::release_lease);
  [[maybe_unused]] const auto ignored =
      redis_.eval(script, {prefix_ + "lease"}, {prefix_, instance_});
}

Status Lease::claim(std::int64_t epoch, Time now) {
  static const RedisScript script(lua::claim);
  return redis_
      .eval(script, {prefix_ + "meta"},
            {prefix_, std::to_string(epoch), instance_, to_rfc3339(now)})
      .map([](const RedisReply&) {});
}

}  // namespace oppen::queue
