#include "producers/client/read_topic.hpp"

#include <set>

#include "producers/client/kafka_handle.hpp"

namespace oppen::client {
namespace {

using namespace std::chrono_literals;

constexpr auto slice = 500ms;
constexpr auto broker_deadline = 5s;  // of one question
constexpr auto silence = 10s;

// Nobody leaves a group, and closing would wait for brokers that may be away.
struct HandleDeleter {
  void operator()(rd_kafka_t* kafka) const {
    rd_kafka_destroy_flags(kafka, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  }
};

struct QueueDeleter {
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
};

}  // namespace

Status read_topic(const KafkaSettings& settings, std::string_view topic,
                  const std::function<void(const ConsumedRecord&)>& take,
                  const std::function<bool()>& go_on, const std::map<int, std::int64_t>& from) {
  const auto stopped = [] { return fail(ErrorKind::unavailable, "stopped while reading a topic"); };
  if (!go_on()) return stopped();
  auto defaults = consumer_defaults;
  defaults["group.id"] = settings.client_id + "-reader";  // librdkafka demands one
  // What is there comes at once, and nothing else is waited for: the end of a partition is told by an answer without a record.
  defaults["fetch.wait.max.ms"] = "1";
  // Somebody's open transaction would hide what lies behind its first record, ours too.
  defaults["isolation.level"] = "read_uncommitted";
  auto own = settings;
  own.properties["enable.partition.eof"] = "true";
  own.properties["auto.offset.reset"] = "earliest";  // what is deleted meanwhile, is passed over
  KafkaEvents events(own);
  const auto opened = open_kafka(RD_KAFKA_CONSUMER, own, defaults, events);
  if (!opened) return fail(opened.error());
  const std::unique_ptr<rd_kafka_t, HandleDeleter> kafka(*opened);
  rd_kafka_poll_set_consumer(kafka.get());
  const std::unique_ptr<rd_kafka_queue_t, QueueDeleter> queue(
      rd_kafka_queue_get_consumer(kafka.get()));

  const auto name = settings.topic_prefix + std::string(topic);
  const auto count = partition_count(kafka.get(), name, broker_deadline);
  if (!count) return fail(count.error());
  const PartitionList list(rd_kafka_topic_partition_list_new(*count));
  std::set<int> unread;
  for (int partition = 0; partition < *count; ++partition) {
    const auto offset = from.find(partition);
    rd_kafka_topic_partition_list_add(list.get(), name.c_str(), partition)->offset =
        offset == from.end() ? Consumer::beginning : offset->second;
    unread.insert(partition);
  }
  if (const auto code = rd_kafka_assign(kafka.get(), list.get());
      code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return fail(kafka_error(code, "assigning partitions"));

  FetchPacer pacer;
  auto heard = std::chrono::steady_clock::now();
  while (!unread.empty()) {
    if (!go_on()) return stopped();
    const Message message(rd_kafka_consumer_poll(kafka.get(), to_millis(slice)));
    if (message == nullptr) {
      if (events.trouble) return fail(*events.trouble);
      if (std::chrono::steady_clock::now() - heard < silence) continue;
      return fail(ErrorKind::unavailable,
                  "topic " + name + ": the end of partition " + std::to_string(*unread.begin()) +
                      " has not come, and nothing else for 10 s (are the brokers of "
                      "OPPEN_KAFKA_BROKERS up?)");
    }
    switch (message->err) {
      case RD_KAFKA_RESP_ERR_NO_ERROR:
        heard = std::chrono::steady_clock::now();
        pacer.took(kafka.get(), queue.get(), *message);
        take(to_record(*message, settings.topic_prefix));
        break;
      case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        heard = std::chrono::steady_clock::now();
        unread.erase(message->partition);
        break;
      case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:  // of a group that nobody joins
      case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
        break;
      default:
        return fail(
            kafka_error(message->err, "topic " + name, rd_kafka_message_errstr(message.get())));
    }
  }
  return {};
}

}  // namespace oppen::client
