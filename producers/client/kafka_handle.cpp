#include "producers/client/kafka_handle.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <utility>

namespace oppen::client {
namespace {

void on_log(const rd_kafka_t* kafka, int level, const char* facility, const char* line) {
  const auto* events = static_cast<KafkaEvents*>(rd_kafka_opaque(kafka));
  if (events != nullptr && events->log) events->log(level, std::string(facility) + ": " + line);
}

void on_error(rd_kafka_t* /*kafka*/, int code, const char* reason, void* opaque) {
  static_cast<KafkaEvents*>(opaque)->take(static_cast<rd_kafka_resp_err_t>(code), reason);
}

void on_rebalance(rd_kafka_t* /*kafka*/, rd_kafka_resp_err_t code,
                  rd_kafka_topic_partition_list_t* partitions, void* opaque) {
  static_cast<KafkaEvents*>(opaque)->on_rebalance(code, partitions);
}

std::string_view view(const void* data, std::size_t size) {
  return data == nullptr ? std::string_view()
                         : std::string_view(static_cast<const char*>(data), size);
}

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\n");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t\n") - first + 1));
}

}  // namespace

void KafkaEvents::take(rd_kafka_resp_err_t code, const char* reason) {
  if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) all_brokers_down = true;
  auto error = kafka_error(code, "Kafka", reason);
  if (error.kind != ErrorKind::unavailable) trouble = std::move(error);
  if (log) log(3, reason);
}

const KafkaProperties consumer_defaults = {
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"auto.offset.reset", "error"},
    {"enable.partition.eof", "false"},
    {"allow.auto.create.topics", "false"},
    {"fetch.wait.max.ms", "100"},  // also what another request on the same connection may wait
    {"fetch.message.max.bytes", "262144"},
    {"queued.max.messages.kbytes", "1024"},
    {"socket.timeout.ms", "10000"},
};

std::string_view without_prefix(std::string_view topic, std::string_view prefix) {
  return topic.starts_with(prefix) ? topic.substr(prefix.size()) : topic;
}

void list_headers(const rd_kafka_headers_t* list, std::vector<HeaderView>& headers) {
  headers.clear();
  if (list == nullptr) return;
  HeaderView header;
  const void* value = nullptr;
  std::size_t size = 0;
  while (rd_kafka_header_get_all(list, headers.size(), &header.name, &value, &size) == 0) {
    header.value = view(value, size);
    headers.push_back(header);
  }
}

ConsumedView view_of(const rd_kafka_message_t& message, std::string_view prefix) {
  return {without_prefix(rd_kafka_topic_name(message.rkt), prefix),
          message.partition,
          message.offset,
          Time(std::chrono::milliseconds(rd_kafka_message_timestamp(&message, nullptr))),
          {view(message.key, message.key_len), view(message.payload, message.len), {}}};
}

ConsumedView view_of(const rd_kafka_message_t& message, std::string_view prefix,
                     std::vector<HeaderView>& headers) {
  rd_kafka_headers_t* list = nullptr;
  if (rd_kafka_message_headers(&message, &list) != RD_KAFKA_RESP_ERR_NO_ERROR) list = nullptr;
  list_headers(list, headers);
  auto all = view_of(message, prefix);
  all.record.headers = headers;
  return all;
}

ConsumedRecord copy_of(const ConsumedView& view) {
  ConsumedRecord copy{std::string(view.topic), view.partition, view.offset, view.timestamp, {}};
  copy.record.key = view.record.key;
  if (view.record.value.data() != nullptr) copy.record.value = view.record.value;
  copy.record.headers.reserve(view.record.headers.size());
  for (const auto& [name, value] : view.record.headers)
    copy.record.headers.emplace_back(name, value);
  return copy;
}

ConsumedRecord to_record(const rd_kafka_message_t& message, std::string_view prefix) {
  std::vector<HeaderView> headers;
  return copy_of(view_of(message, prefix, headers));
}

void FetchPacer::took(rd_kafka_t* kafka, rd_kafka_queue_t* queue,
                      std::span<rd_kafka_message_t* const> messages) {
  if (messages.empty()) return;
  if (queue_bytes_ == 0) queue_bytes_ = queue_bytes(kafka);
  std::size_t bytes = 0;
  for (const auto* const message : messages) bytes += message->len + message->key_len;
  taken_ += messages.size();
  taken_bytes_ += bytes;
  if (taken_bytes_ < queue_bytes_ / 16) return;
  const auto mean = std::exchange(taken_bytes_, 0) / std::exchange(taken_, 0);
  const auto nearly_full = queue_bytes_ / 4 * 3;
  const auto left = rd_kafka_queue_length(queue) * mean;
  // With the messages that were taken: they may have filled the queue alone.
  if (left + bytes > nearly_full) was_full_ = true;
  if (left > nearly_full || !std::exchange(was_full_, false)) return;
  const PartitionList list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), rd_kafka_topic_name(messages.back()->rkt),
                                    messages.back()->partition)
      ->offset = Consumer::end;
  rd_kafka_offsets_for_times(kafka, list.get(), 0);
}

void FetchPacer::took(rd_kafka_t* kafka, rd_kafka_queue_t* queue, rd_kafka_message_t& message) {
  auto* const one = &message;
  took(kafka, queue, {&one, 1});
}

Result<std::map<std::string, std::string>> parse_kafka_properties(const std::string& text) {
  std::map<std::string, std::string> properties;
  std::size_t begin = 0;
  for (int part_number = 1; begin <= text.size(); ++part_number) {
    const auto end = std::min(text.find(';', begin), text.size());
    const auto part = std::string_view(text).substr(begin, end - begin);
    begin = end + 1;
    if (trimmed(part).empty()) continue;
    const auto equals = part.find('=');
    const auto name = trimmed(part.substr(0, equals));
    if (equals == std::string_view::npos || name.empty()) {
      // The part itself is not shown: it may hold a password.
      return fail(ErrorKind::invalid,
                  "part " + std::to_string(part_number) +
                      " of the Kafka properties has no name before a '=': expected "
                      "name=value;name=value (OPPEN_KAFKA_PROPERTIES)");
    }
    properties[name] = trimmed(part.substr(equals + 1));
  }
  return properties;
}

Result<KafkaSettings> settings_from_environment() {
  KafkaSettings settings;
  if (const char* brokers = std::getenv("OPPEN_KAFKA_BROKERS")) settings.brokers = brokers;
  if (const char* prefix = std::getenv("OPPEN_TOPIC_PREFIX")) settings.topic_prefix = prefix;
  const char* text = std::getenv("OPPEN_KAFKA_PROPERTIES");
  auto properties = parse_kafka_properties(text == nullptr ? "" : text);
  if (!properties) return fail(properties.error());
  settings.properties = std::move(*properties);
  return settings;
}

Result<rd_kafka_t*> open_kafka(rd_kafka_type_t type, const KafkaSettings& settings,
                               const KafkaProperties& defaults, KafkaEvents& events) {
  KafkaProperties properties = defaults;
  properties["bootstrap.servers"] = settings.brokers;
  properties["client.id"] = settings.client_id;
  properties["socket.nagle.disable"] = "true";
  properties["log.connection.close"] = "false";
  properties["reconnect.backoff.max.ms"] = "2000";
  properties["topic.metadata.propagation.max.ms"] =
      "5000";  // how long a topic may be missing before it is an error
  for (const auto& [name, value] : settings.properties) properties[name] = value;

  std::unique_ptr<rd_kafka_conf_t, decltype(&rd_kafka_conf_destroy)> conf(rd_kafka_conf_new(),
                                                                          rd_kafka_conf_destroy);
  std::array<char, 512> reason{};
  for (const auto& [name, value] : properties) {
    if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), reason.data(), reason.size()) !=
        RD_KAFKA_CONF_OK) {
      return fail(ErrorKind::invalid, "the Kafka property " + name +
                                          " is refused: " + reason.data() +
                                          " (OPPEN_KAFKA_PROPERTIES or OPPEN_KAFKA_BROKERS)");
    }
  }
  rd_kafka_conf_set_opaque(conf.get(), &events);
  rd_kafka_conf_set_log_cb(conf.get(), on_log);
  rd_kafka_conf_set_error_cb(conf.get(), on_error);
  if (events.on_rebalance) rd_kafka_conf_set_rebalance_cb(conf.get(), on_rebalance);
  if (type == RD_KAFKA_PRODUCER) rd_kafka_conf_set_events(conf.get(), RD_KAFKA_EVENT_DR);

  rd_kafka_t* kafka = rd_kafka_new(type, conf.get(), reason.data(), reason.size());
  if (kafka == nullptr) {
    return fail(ErrorKind::invalid, std::string("the Kafka settings are refused: ") +
                                        reason.data() +
                                        " (OPPEN_KAFKA_PROPERTIES or OPPEN_KAFKA_BROKERS)");
  }
  static_cast<void>(conf.release());  // the handle owns it now
  return kafka;
}

bool broker_answers(rd_kafka_t* kafka, std::chrono::milliseconds deadline) {
  const rd_kafka_metadata_t* metadata = nullptr;
  const auto code = rd_kafka_metadata(kafka, 0, nullptr, &metadata, to_millis(deadline));
  if (metadata != nullptr) rd_kafka_metadata_destroy(metadata);
  return code == RD_KAFKA_RESP_ERR_NO_ERROR;
}

Status Troubles::look(rd_kafka_t* kafka, KafkaEvents& events) {
  if (events.trouble) return fail(*std::exchange(events.trouble, std::nullopt));
  if (!events.all_brokers_down) return {};
  const auto now = std::chrono::steady_clock::now();
  if (now >= next_look_) {
    next_look_ = now + std::chrono::milliseconds{500};
    if (broker_answers(kafka, std::chrono::milliseconds{200})) {
      events.all_brokers_down = false;
      return {};
    }
  }
  return fail(kafka_error(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "consuming"));
}

std::size_t queue_bytes(rd_kafka_t* kafka) {
  std::array<char, 32> text{};
  std::size_t size = text.size();
  std::size_t kbytes = 0;
  if (rd_kafka_conf_get(rd_kafka_conf(kafka), "queued.max.messages.kbytes", text.data(), &size) ==
      RD_KAFKA_CONF_OK)
    std::from_chars(text.data(), text.data() + std::strlen(text.data()), kbytes);
  return kbytes * 1024;
}

Result<int> partition_count(rd_kafka_t* kafka, const std::string& topic,
                            std::chrono::milliseconds deadline) {
  const TopicHandle handle(rd_kafka_topic_new(kafka, topic.c_str(), nullptr));
  const rd_kafka_metadata_t* metadata = nullptr;
  auto code = rd_kafka_metadata(kafka, 0, handle.get(), &metadata, to_millis(deadline));
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(kafka_error(code, "topic " + topic));
  int count = 0;
  if (metadata->topic_cnt == 1) {
    code = metadata->topics[0].err;
    count = metadata->topics[0].partition_cnt;
  }
  rd_kafka_metadata_destroy(metadata);
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR && count == 0)
    code = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(kafka_error(code, "topic " + topic));
  return count;
}

Error kafka_error(rd_kafka_resp_err_t code, const std::string& what, const std::string& detail) {
  const std::string text = what + ": " + (detail.empty() ? rd_kafka_err2str(code) : detail);
  switch (code) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
      return {ErrorKind::invalid,
              text + " (the topic's max.message.bytes, or the producer's message.max.bytes)"};
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return {ErrorKind::not_found,
              text + ": create the topic, or correct the prefix (OPPEN_TOPIC_PREFIX)"};
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
      return {ErrorKind::not_found, text};
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
      return {ErrorKind::refused,
              text + ": grant the rights, or correct the credentials (OPPEN_KAFKA_PROPERTIES)"};
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR__FENCED:
      return {ErrorKind::fatal, text};
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
      return {ErrorKind::unavailable,
              text + " (queue.buffering.max.kbytes and .messages bound it)"};
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
      return {ErrorKind::unavailable, text + " (are the brokers of OPPEN_KAFKA_BROKERS up?)"};
    default:
      return {ErrorKind::unavailable, text};
  }
}

int to_millis(std::chrono::milliseconds duration) {
  return static_cast<int>(
      std::clamp<long long>(duration.count(), 0, std::numeric_limits<int>::max()));
}

}  // namespace oppen::client
