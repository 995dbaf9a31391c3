#pragma once
// The lease that says which scheduler may lead, and the epoch that proves it. One thread uses a
// lease; it borrows the Redis.
//
// The lease alone is no guarantee (a paused holder does not notice that it lapsed); the epoch in
// every script is.
#include <chrono>
#include <string>

#include "schemas/time.hpp"
#include "workers/runtime/redis.hpp"

namespace oppen::queue {

class Lease {
 public:
  // `instance`: unique among all schedulers that ever ran, e.g. host-pid-random.
  Lease(runtime::Redis& redis, const std::string& topic_prefix, std::string instance,
        std::chrono::milliseconds ttl);

  // Takes or renews it. false: another instance holds it. unavailable: Redis is away.
  Result<bool> hold();
  void release();  // best effort
  // Makes `epoch` the one that every script demands. fenced when a later one leads already.
  Status claim(std::int64_t epoch, Time now);

 private:
  runtime::Redis& redis_;
  std::string prefix_;
  std::string instance_;
  std::chrono::milliseconds ttl_;
};

}  // namespace oppen::queue
