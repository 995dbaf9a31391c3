#include "tests/component/kafka/mock_kafka.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace oppen::client {
namespace {

using namespace std::chrono_literals;
// Kafka's ApiKeys.
constexpr std::int16_t produce_request = 0;
constexpr std::int16_t fetch_request = 1;

}  // namespace

MockKafka::MockKafka() {
  auto* conf = rd_kafka_conf_new();
  rd_kafka_conf_set_log_cb(conf, [](const rd_kafka_t*, int, const char*, const char*) {});
  host_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, nullptr, 0);
  cluster_ = rd_kafka_mock_cluster_new(host_, 1);
}

MockKafka::~MockKafka() {
  rd_kafka_mock_cluster_destroy(cluster_);
  rd_kafka_destroy(host_);
}

void MockKafka::create_topic(const std::string& topic, int partitions) {
  ASSERT_EQ(rd_kafka_mock_topic_create(cluster_, topic.c_str(), partitions, 1),
            RD_KAFKA_RESP_ERR_NO_ERROR);
}

void MockKafka::hide_topic(const std::string& topic) {
  rd_kafka_mock_topic_set_error(cluster_, topic.c_str(), RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
}

void MockKafka::fail_produce(rd_kafka_resp_err_t error, std::size_t times) {
  const std::vector<rd_kafka_resp_err_t> errors(times, error);
  rd_kafka_mock_push_request_errors_array(cluster_, produce_request, errors.size(), errors.data());
}

void MockKafka::fail_fetch(rd_kafka_resp_err_t error, std::size_t times) {
  rd_kafka_mock_clear_request_errors(cluster_, fetch_request);
  const std::vector<rd_kafka_resp_err_t> errors(times, error);
  rd_kafka_mock_push_request_errors_array(cluster_, fetch_request, errors.size(), errors.data());
}

void MockKafka::set_up(bool up) {
  if (up) {
    rd_kafka_mock_broker_set_up(cluster_, -1);
  } else {
    rd_kafka_mock_broker_set_down(cluster_, -1);
  }
}

KafkaSettings MockKafka::settings() const {
  KafkaSettings settings;
  settings.brokers = rd_kafka_mock_cluster_bootstraps(cluster_);
  return settings;
}

std::optional<ConsumedRecord> next_record(Consumer& consumer) {
  const auto give_up_at = std::chrono::steady_clock::now() + 20s;
  while (std::chrono::steady_clock::now() < give_up_at) {
    auto polled = consumer.poll(100ms);
    if (polled && *polled) return std::move(**polled);
    if (!polled && polled.error().kind != ErrorKind::unavailable) {
      ADD_FAILURE() << polled.error().message;
      return std::nullopt;
    }
  }
  ADD_FAILURE() << "no record came";
  return std::nullopt;
}

std::optional<Error> next_error(Consumer& consumer) {
  const auto give_up_at = std::chrono::steady_clock::now() + 20s;
  while (std::chrono::steady_clock::now() < give_up_at) {
    const auto polled = consumer.poll(100ms);
    if (!polled) return polled.error();
  }
  ADD_FAILURE() << "no error came";
  return std::nullopt;
}

}  // namespace oppen::client
