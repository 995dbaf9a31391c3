#include "bench/client/bare_producer.hpp"

#include <array>

#include "bench/support/must.hpp"

namespace oppen::bench {
namespace {

constexpr auto doing = "publishing by a bare producer";
constexpr std::size_t between_polls = 100;

// As of producers/client/producer.cpp and client.cpp.
const std::map<std::string, std::string> settings_of_the_client = {
    {"enable.idempotence", "true"},
    {"acks", "all"},
    {"compression.codec", "lz4"},
    {"linger.ms", "5"},
    {"partitioner", "murmur2_random"},
    {"message.max.bytes", "4000000"},
    {"queue.buffering.max.kbytes", "32768"},
    {"message.timeout.ms", "60000"},
    {"socket.nagle.disable", "true"},
};

}  // namespace

BareProducer::BareProducer(const client::KafkaSettings& kafka, const std::string& topic) {
  auto properties = settings_of_the_client;
  properties["bootstrap.servers"] = kafka.brokers;
  for (const auto& [name, value] : kafka.properties) properties[name] = value;
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  std::array<char, 512> reason{};
  for (const auto& [name, value] : properties) {
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), reason.data(), reason.size()) !=
        RD_KAFKA_CONF_OK) {
      give_up(doing, reason.data());
    }
  }
  rd_kafka_conf_set_opaque(conf, this);
  rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  kafka_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason.data(), reason.size());
  if (kafka_ == nullptr) give_up(doing, reason.data());
  topic_ = rd_kafka_topic_new(kafka_, (kafka.topic_prefix + topic).c_str(), nullptr);
}

BareProducer::~BareProducer() {
  rd_kafka_topic_destroy(topic_);
  rd_kafka_destroy(kafka_);
}

void BareProducer::on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) give_up(doing, rd_kafka_err2str(message->err));
  ++static_cast<BareProducer*>(opaque)->acknowledged_;
}

void BareProducer::publish(const std::vector<KafkaRecord>& records, std::size_t count) {
  acknowledged_ = 0;
  std::vector<rd_kafka_vu_t> options;
  const auto add = [&options](rd_kafka_vtype_t type) -> auto& {
    options.emplace_back().vtype = type;
    return options.back().u;
  };
  for (std::size_t i = 0; i < count; ++i) {
    const auto& record = records[i % records.size()];
    options.clear();
    add(RD_KAFKA_VTYPE_RKT).rkt = topic_;
    add(RD_KAFKA_VTYPE_MSGFLAGS).i = RD_KAFKA_MSG_F_COPY;
    add(RD_KAFKA_VTYPE_KEY).mem = {const_cast<char*>(record.key.data()), record.key.size()};
    add(RD_KAFKA_VTYPE_VALUE).mem = {const_cast<char*>(record.value->data()), record.value->size()};
    for (const auto& [name, value] : record.headers) {
      add(RD_KAFKA_VTYPE_HEADER).header = {name.c_str(), value.data(),
                                           static_cast<ssize_t>(value.size())};
    }
    while (auto* error = rd_kafka_produceva(kafka_, options.data(), options.size())) {
      const auto code = rd_kafka_error_code(error);
      rd_kafka_error_destroy(error);
      if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) give_up(doing, rd_kafka_err2str(code));
      rd_kafka_poll(kafka_, 100);
    }
    if (i % between_polls == 0) rd_kafka_poll(kafka_, 0);
  }
  while (acknowledged_ < count) rd_kafka_poll(kafka_, 100);
}

}  // namespace oppen::bench
