#pragma once
// The limit of every publisher: librdkafka's own producer in its C interface, with the settings of client::Producer and records that
// are ready. One thread at a time.
#include <librdkafka/rdkafka.h>

#include <cstddef>
#include <string>
#include <vector>

#include "producers/client/kafka.hpp"

namespace oppen::bench {

class BareProducer {
 public:
  // `topic` without prefix.
  BareProducer(const client::KafkaSettings& kafka, const std::string& topic);
  ~BareProducer();
  BareProducer(const BareProducer&) = delete;
  BareProducer& operator=(const BareProducer&) = delete;

  // Publishes so many, these in turn, and returns when the broker has acknowledged all.
  void publish(const std::vector<KafkaRecord>& records, std::size_t count);

 private:
  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque);

  rd_kafka_t* kafka_ = nullptr;
  rd_kafka_topic_t* topic_ = nullptr;
  std::size_t acknowledged_ = 0;
};

}  // namespace oppen::bench
