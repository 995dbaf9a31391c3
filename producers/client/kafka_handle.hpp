#pragma once
// What Producer and Consumer share over librdkafka: configuration, callbacks, and what its error
// codes mean here. Private to this folder.
#include <librdkafka/rdkafka.h>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "producers/client/kafka.hpp"
#include "schemas/error.hpp"

namespace oppen::client {

// librdkafka's opaque pointer: outlives the handle.
struct KafkaEvents {
  explicit KafkaEvents(const KafkaSettings& settings) : log(settings.log) {}
  // An error that is of no record. Polling thread only.
  void take(rd_kafka_resp_err_t code, const char* reason);

  std::function<void(int, const std::string&)> log;
  std::atomic<bool> all_brokers_down{false};
  // What librdkafka says beside the records and does not mend by itself, e.g. of a missing topic.
  // Polling thread only.
  std::optional<Error> trouble;
  // What a group's rebalance gives or takes; empty for a handle that joins no group. Polling thread only.
  std::function<void(rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*)> on_rebalance;
};

struct MessageDeleter {
  void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
};
using Message = std::unique_ptr<rd_kafka_message_t, MessageDeleter>;
struct PartitionListDeleter {
  void operator()(rd_kafka_topic_partition_list_t* list) const {
    rd_kafka_topic_partition_list_destroy(list);
  }
};
using PartitionList = std::unique_ptr<rd_kafka_topic_partition_list_t, PartitionListDeleter>;

struct TopicDeleter {
  void operator()(rd_kafka_topic_t* topic) const { rd_kafka_topic_destroy(topic); }
};
using TopicHandle = std::unique_ptr<rd_kafka_topic_t, TopicDeleter>;

using KafkaProperties = std::map<std::string, std::string>;

// Of every consumer: positions come from the caller, and what is fetched ahead bounds this process's memory; FetchPacer keeps its pace.
extern const KafkaProperties consumer_defaults;

// The record as this project has it, its topic without `prefix`.
ConsumedRecord to_record(const rd_kafka_message_t& message, std::string_view prefix);
// All but the headers. Borrows the message.
ConsumedView view_of(const rd_kafka_message_t& message, std::string_view prefix);
// Fills `headers` anew, which borrow the list; none where it is null.
void list_headers(const rd_kafka_headers_t* list, std::vector<HeaderView>& headers);
// Borrows the message; `headers` is filled, and borrowed too.
ConsumedView view_of(const rd_kafka_message_t& message, std::string_view prefix,
                     std::vector<HeaderView>& headers);
// A topic's name without the prefix.
std::string_view without_prefix(std::string_view topic, std::string_view prefix);

// librdkafka fetches no more while its queue is full, and by itself looks only once a second whether it has room again: the thread
// that fetches is asleep. Anything asked of the broker wakes it; the answer is not waited for. It is asked once each time that the queue
// has been full, or nearly, and has room again. Only the broker that leads the message's partition wakes: of several, the others may sleep
// out their second, while there is what this one fetches.
class FetchPacer {
 public:
  // `queue`: from which the messages came.
  void took(rd_kafka_t* kafka, rd_kafka_queue_t* queue,
            std::span<rd_kafka_message_t* const> messages);
  void took(rd_kafka_t* kafka, rd_kafka_queue_t* queue, rd_kafka_message_t& message);

 private:
  std::size_t queue_bytes_ = 0;  // as librdkafka bounds it; 0: not asked yet
  // Since it was looked at last.
  std::size_t taken_bytes_ = 0;
  std::size_t taken_ = 0;
  bool was_full_ = false;
};

// A handle with `defaults`, then the settings' brokers and client id, then the user's properties:
// the last wins. `events` becomes its opaque. A producer's reports come as events on its main queue. Invalid: a property that librdkafka
// refuses.
Result<rd_kafka_t*> open_kafka(rd_kafka_type_t type, const KafkaSettings& settings,
                               const KafkaProperties& defaults, KafkaEvents& events);

// True when a broker answers within `deadline`.
bool broker_answers(rd_kafka_t* kafka, std::chrono::milliseconds deadline);

// What is wrong where a consumer got no record: what librdkafka has told of, or that all brokers are down. That one answers again is no
// event: one is asked now and then, for 200 ms. One thread.
class Troubles {
 public:
  Status look(rd_kafka_t* kafka, KafkaEvents& events);

 private:
  std::chrono::steady_clock::time_point next_look_{};
};

// What librdkafka fetches ahead at most into a queue, by the property in force.
std::size_t queue_bytes(rd_kafka_t* kafka);

// Of a topic, given with its prefix. not_found: there is no such topic; unavailable at the deadline.
Result<int> partition_count(rd_kafka_t* kafka, const std::string& topic,
                            std::chrono::milliseconds deadline);

// What an error code lets the caller do. `what`: "topic oppen.jobs", with which the message begins.
Error kafka_error(rd_kafka_resp_err_t code, const std::string& what,
                  const std::string& detail = {});

int to_millis(std::chrono::milliseconds duration);

}  // namespace oppen::client
