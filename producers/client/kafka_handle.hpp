#pragma once
// What Producer and Consumer share over librdkafka: configuration, callbacks, and what its error
// codes mean here. Private to this folder.
#include <librdkafka/rdkafka.h>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <string>

#include "producers/client/kafka.hpp"
#include "schemas/error.hpp"

namespace oppen::client {

// librdkafka's opaque pointer: outlives the handle.
struct KafkaEvents {
  explicit KafkaEvents(const KafkaSettings& settings) : log(settings.log) {}

  std::function<void(int, const std::string&)> log;
  std::atomic<bool> all_brokers_down{false};
  // What librdkafka says beside the records and does not mend by itself, e.g. of a missing topic.
  // Polling thread only.
  std::optional<Error> trouble;
};

struct TopicDeleter {
  void operator()(rd_kafka_topic_t* topic) const { rd_kafka_topic_destroy(topic); }
};
using TopicHandle = std::unique_ptr<rd_kafka_topic_t, TopicDeleter>;

using KafkaProperties = std::map<std::string, std::string>;
using DeliveryCallback = void (*)(rd_kafka_t*, const rd_kafka_message_t*, void*);

// A handle with `defaults`, then the settings' brokers and client id, then the user's properties:
// the last wins. `events` becomes its opaque. Invalid: a property that librdkafka refuses.
Result<rd_kafka_t*> open_kafka(rd_kafka_type_t type, const KafkaSettings& settings,
                               const KafkaProperties& defaults, KafkaEvents& events,
                               DeliveryCallback on_delivery);

// True when a broker answers within `deadline`.
bool broker_answers(rd_kafka_t* kafka, std::chrono::milliseconds deadline);

// What an error code lets the caller do. `what`: "topic oppen.jobs", with which the message begins.
Error kafka_error(rd_kafka_resp_err_t code, const std::string& what,
                  const std::string& detail = {});

int to_millis(std::chrono::milliseconds duration);

}  // namespace oppen::client
