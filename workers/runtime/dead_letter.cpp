#include "workers/runtime/dead_letter.hpp"

#include <nlohmann/json.hpp>
#include <utility>

#include "schemas/topics.hpp"

namespace oppen::runtime {
namespace {

constexpr std::size_t max_reason_bytes = 1000;

// Valid UTF-8 of at most max_reason_bytes, cut between characters.
std::string presentable(const std::string& reason) {
  const auto json =
      nlohmann::json(reason).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  auto text = nlohmann::json::parse(json).get<std::string>();
  if (text.size() <= max_reason_bytes) return text;
  auto end = max_reason_bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0u) == 0x80u) --end;
  text.resize(end);
  return text;
}

std::string setting_aside(const client::ConsumedRecord& record) {
  return "setting aside the record at topic " + record.topic + " partition " +
         std::to_string(record.partition) + " offset " + std::to_string(record.offset);
}

}  // namespace

DeadLetters::DeadLetters(client::Producer& producer, Metrics& metrics, std::string worker,
                         std::string topic_prefix)
    : producer_(producer),
      metrics_(metrics),
      worker_(std::move(worker)),
      topic_prefix_(std::move(topic_prefix)) {}

Status DeadLetters::send(const client::ConsumedRecord& record, const std::string& reason,
                         client::Producer::OnDelivery done) {
  const auto sent =
      producer_.send(topics::dead_letter, letter(record, reason),
                     [&counter = counter_of(record), done = std::move(done)](const auto& delivery) {
                       if (delivery) counter.add();
                       done(delivery);
                     });
  return sent ? Status() : fail(sent.error().in_context(setting_aside(record)));
}

Status DeadLetters::put(const client::ConsumedRecord& record, const std::string& reason,
                        std::chrono::milliseconds deadline) {
  const auto sent = producer_.send_and_wait(topics::dead_letter, letter(record, reason), deadline);
  if (!sent) return fail(sent.error().in_context(setting_aside(record)));
  counter_of(record).add();
  return {};
}

KafkaRecord DeadLetters::letter(const client::ConsumedRecord& record,
                                const std::string& reason) const {
  auto letter = record.record;
  letter.headers.emplace_back("oppen_error", presentable(reason));
  letter.headers.emplace_back("oppen_topic", topic_prefix_ + record.topic);
  letter.headers.emplace_back("oppen_partition", std::to_string(record.partition));
  letter.headers.emplace_back("oppen_offset", std::to_string(record.offset));
  letter.headers.emplace_back("oppen_worker", worker_);
  return letter;
}

Counter& DeadLetters::counter_of(const client::ConsumedRecord& record) {
  return metrics_.counter("oppen_dead_letters_total",
                          "Records set aside because they could not be handled.",
                          {{"topic", topic_prefix_ + record.topic}, {"worker", worker_}});
}

}  // namespace oppen::runtime
