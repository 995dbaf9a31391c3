#include "bench/support/bare_consumer.hpp"

#include <array>

#include "bench/support/must.hpp"

namespace oppen::bench {
namespace {

constexpr auto reading_bare = "reading by a bare consumer";
constexpr int patience_ms = 30'000;

}  // namespace

BareConsumer::BareConsumer(const client::KafkaSettings& kafka) : prefix_(kafka.topic_prefix) {
  std::map<std::string, std::string> all;
  all["bootstrap.servers"] = kafka.brokers;
  all["group.id"] = "bench-bare";
  all["enable.auto.commit"] = "false";
  for (const auto& [name, value] : kafka.properties) all[name] = value;
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  std::array<char, 512> reason{};
  for (const auto& [name, value] : all) {
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), reason.data(), reason.size()) !=
        RD_KAFKA_CONF_OK) {
      give_up(reading_bare, reason.data());
    }
  }
  kafka_ = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason.data(), reason.size());
  if (kafka_ == nullptr) give_up(reading_bare, reason.data());
  rd_kafka_poll_set_consumer(kafka_);
}

BareConsumer::~BareConsumer() {
  rd_kafka_destroy_flags(kafka_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

void BareConsumer::consume(const std::map<client::TopicPartition, std::int64_t>& offsets,
                           std::size_t count) {
  auto* list = rd_kafka_topic_partition_list_new(static_cast<int>(offsets.size()));
  for (const auto& [at, offset] : offsets) {
    rd_kafka_topic_partition_list_add(list, (prefix_ + at.topic).c_str(), at.partition)->offset =
        offset;
  }
  rd_kafka_assign(kafka_, list);
  rd_kafka_topic_partition_list_destroy(list);
  for (std::size_t taken = 0; taken < count;) {
    auto* message = rd_kafka_consumer_poll(kafka_, patience_ms);
    if (message == nullptr) give_up(reading_bare, "nothing comes");
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
      give_up(reading_bare, rd_kafka_message_errstr(message));
    ++taken;
    rd_kafka_message_destroy(message);
  }
}

}  // namespace oppen::bench
