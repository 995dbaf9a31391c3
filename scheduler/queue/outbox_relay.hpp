#pragma once
// Publishes the outbox: reads entries in order, hands them to Kafka, and removes them from Redis
// only after the broker has acknowledged. An entry may be published twice (a crash between the
// two); each carries the same id and seq then.
//
// Runs on a thread of its own with a Redis connection of its own.
#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "producers/client/kafka.hpp"
#include "schemas/error.hpp"
#include "workers/runtime/metrics.hpp"
#include "workers/runtime/redis.hpp"

namespace oppen::queue {

class OutboxRelay {
 public:
  struct Options {
    std::string topic_prefix;
    std::string redis_url;
    std::string source;      // ce_source, "/oppen/scheduler"
    std::int64_t epoch = 0;  // of the leader whose outbox it is
  };
  // `published(id)`: everything up to this outbox id is on the bus; called on the relay's thread.
  // `failed(error)`: it can't go on (fenced, fatal, or Redis was away); called once. `producer` and `metrics` must outlive it.
  // The producer must keep trying for ever (message.timeout.ms=0), so that order holds.
  static Result<std::unique_ptr<OutboxRelay>> start(
      Options options, client::Producer& producer, runtime::Metrics& metrics,
      std::function<void(const std::string& id)> published,
      std::function<void(const Error&)> failed);
  ~OutboxRelay();  // publishes what is there, for up to 5 s, then joins

 private:
  struct Impl;
  explicit OutboxRelay(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// True when outbox id `a` ("<ms>-<n>") is not after `b`.
bool outbox_id_reached(const std::string& a, const std::string& b);

}  // namespace oppen::queue
