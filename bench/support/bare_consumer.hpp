#pragma once
// A librdkafka consumer and nothing around it: the limit of whoever reads records off a topic. One thread.
#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <map>
#include <string>

#include "producers/client/kafka.hpp"

namespace oppen::bench {

class BareConsumer {
 public:
  // With librdkafka's own settings but those of `kafka`. Ends the program when librdkafka refuses.
  explicit BareConsumer(const client::KafkaSettings& kafka);
  ~BareConsumer();
  BareConsumer(const BareConsumer&) = delete;
  BareConsumer& operator=(const BareConsumer&) = delete;

  // Takes so many records of these partitions, each from its offset on.
  void consume(const std::map<client::TopicPartition, std::int64_t>& offsets, std::size_t count);

 private:
  std::string prefix_;
  rd_kafka_t* kafka_ = nullptr;
};

}  // namespace oppen::bench
