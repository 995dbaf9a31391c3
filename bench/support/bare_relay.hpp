#pragma once
// The limit of everything that goes through the bus and the queue: one record is published, read by
// another thread, one small script runs in Redis, and an answer is published and read. Nothing is
// parsed or decided. Same Kafka, same Redis, same clients as the programs under measurement; topics
// that nobody else uses here. One thread at a time.
#include <memory>
#include <string>

#include "bench/support/samples.hpp"
#include "producers/client/kafka.hpp"

namespace oppen::bench {

class BareRelay {
 public:
  // `value`: of each record.
  BareRelay(const client::KafkaSettings& kafka, const std::string& redis_url, std::string value);
  ~BareRelay();
  BareRelay(const BareRelay&) = delete;
  BareRelay& operator=(const BareRelay&) = delete;

  // One record on its way, and back.
  void step();
  // Some that are not counted.
  void warm_up(int steps);
  // Forgets the samples.
  void reset();

  const Samples& acknowledged() const;            // publish called -> broker acknowledged
  const Samples& consumed() const;                // publish called -> read by another consumer
  const Samples& script() const;                  // one script in Redis, there and back
  const Samples& acknowledged_to_answer() const;  // acknowledged -> answer read

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace oppen::bench
