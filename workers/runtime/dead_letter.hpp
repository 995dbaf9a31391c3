#pragma once
// Sets a record aside that can't be handled: published to `dead-letter` untouched, with the headers oppen_error, oppen_topic,
// oppen_partition, oppen_offset and oppen_worker. The caller goes on only after ok: nothing is dropped silently.
#include <chrono>
#include <string>

#include "producers/client/kafka.hpp"
#include "workers/runtime/metrics.hpp"

namespace oppen::runtime {

class DeadLetters {
 public:
  // `producer` and `metrics` must outlive this. `worker`: "scheduler". Topics are named whole, with `topic_prefix`. Counts oppen_dead_letters_total{topic,worker}.
  DeadLetters(client::Producer& producer, Metrics& metrics, std::string worker,
              std::string topic_prefix);
  // Hands it to the broker; `done` is called once, on the producer's thread. Errors: as Producer::send, then without `done`.
  Status send(const client::ConsumedRecord& record, const std::string& reason,
              client::Producer::OnDelivery done);
  // Waits for the broker. unavailable at the deadline: repeat. `reason` is cut to 1,000 bytes, invalid UTF-8 replaced.
  Status put(const client::ConsumedRecord& record, const std::string& reason,
             std::chrono::milliseconds deadline);

 private:
  KafkaRecord letter(const client::ConsumedRecord& record, const std::string& reason) const;
  Counter& counter_of(const client::ConsumedRecord& record);

  client::Producer& producer_;
  Metrics& metrics_;
  std::string worker_;
  std::string topic_prefix_;
};

}  // namespace oppen::runtime
