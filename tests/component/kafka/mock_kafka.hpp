#pragma once
// librdkafka's mock cluster: one broker in this process that speaks Kafka's protocol. Owns it; one
// thread.
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <functional>
#include <optional>
#include <string>

#include "producers/client/kafka.hpp"

namespace oppen::client {

class MockKafka {
 public:
  MockKafka();
  ~MockKafka();
  MockKafka(const MockKafka&) = delete;
  MockKafka& operator=(const MockKafka&) = delete;

  // `topic` with prefix.
  void create_topic(const std::string& topic, int partitions);
  // Asked for this topic, the broker says that it does not exist (the mock would create it).
  void hide_topic(const std::string& topic);
  // The next produce requests are answered with this error.
  void fail_produce(rd_kafka_resp_err_t error, std::size_t times);
  // So are the next fetch requests; 0 times: from now on none.
  void fail_fetch(rd_kafka_resp_err_t error, std::size_t times);
  void set_up(bool up);

  KafkaSettings settings() const;

 private:
  rd_kafka_t* host_;
  rd_kafka_mock_cluster_t* cluster_;
};

// Polls until a record comes; fails the test at 20 seconds.
std::optional<ConsumedRecord> next_record(Consumer& consumer);
// The same until an error comes.
std::optional<Error> next_error(Consumer& consumer);

}  // namespace oppen::client
