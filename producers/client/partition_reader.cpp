#include "producers/client/partition_reader.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "producers/client/kafka_handle.hpp"

namespace oppen::client {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

// KiB: of all partitions together, and within which bounds a partition has its share. What is fetched of a partition at a time comes on top.
constexpr std::size_t queued_of_all = 2 * 1024;
constexpr std::size_t least_queued = 64;
constexpr std::size_t most_queued = 1024;
constexpr milliseconds between_wakes{20};

struct QueueDestroyer {
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
};

struct Source {
  TopicPartition partition;
  std::unique_ptr<rd_kafka_queue_t, QueueDestroyer> queue;
  std::int64_t next = 0;
  bool is_at_end = false;
};

}  // namespace

struct PartitionReader::Impl {
  explicit Impl(const KafkaSettings& settings) : events(settings), prefix(settings.topic_prefix) {}

  KafkaEvents events;
  std::string prefix;
  rd_kafka_t* kafka = nullptr;
  std::size_t queue_bytes = 0;
  std::vector<Source> sources;
  std::vector<rd_kafka_message_t*> messages;  // of the read that is being done
  Troubles troubles;
  // Partitions the queues of which were full and have room again.
  std::vector<std::size_t> drained;
  SteadyClock::time_point woken{};

  PartitionList list_of(const std::vector<std::size_t>& places, std::int64_t offset) const {
    PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(places.size())));
    for (const auto place : places) {
      const auto& at = sources[place].partition;
      rd_kafka_topic_partition_list_add(list.get(), (prefix + at.topic).c_str(), at.partition)
          ->offset = offset;
    }
    return list;
  }

  // As FetchPacer does it: who fetches sleeps up to a second once all that it fetches is full, or at its end; any question wakes it.
  void wake_fetchers() {
    const auto now = SteadyClock::now();
    if (drained.empty() || now < woken + between_wakes) return;
    woken = now;
    rd_kafka_offsets_for_times(kafka, list_of(drained, Consumer::end).get(), 0);
    drained.clear();
  }

  // What isn't a record is an event or trouble.
  std::optional<Error> take_event(Source& source, const rd_kafka_message_t& message) {
    if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      source.next = message.offset;
      source.is_at_end = true;
      return std::nullopt;
    }
    const auto& at = source.partition;
    const auto what = "topic " + prefix + at.topic + " partition " + std::to_string(at.partition);
    if (message.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
        message.err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
      return Error{ErrorKind::not_found,
                   what + ": offset " + std::to_string(source.next) + " is not in the log"};
    }
    return kafka_error(message.err, what, rd_kafka_message_errstr(&message));
  }
};

PartitionReader::PartitionReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<PartitionReader>> PartitionReader::create(
    const KafkaSettings& settings, const std::map<TopicPartition, std::int64_t>& offsets) {
  std::unique_ptr<PartitionReader> reader(new PartitionReader(std::make_unique<Impl>(settings)));
  auto& impl = *reader->impl_;
  const auto queued = std::clamp(queued_of_all / std::max<std::size_t>(offsets.size(), 1),
                                 least_queued, most_queued);
  auto properties = consumer_defaults;
  properties["group.id"] = settings.client_id + "-reader";  // librdkafka demands one
  properties["enable.partition.eof"] = "true";
  properties["queued.max.messages.kbytes"] = std::to_string(queued);
  // An answer may hold as much of each of many partitions, and is several times as large once it is unpacked.
  properties["fetch.message.max.bytes"] = "16384";
  // While all that has more is full, what is asked for is the logs that are at their ends: the next question waits for that.
  properties["fetch.wait.max.ms"] = "20";
  const auto kafka = open_kafka(RD_KAFKA_CONSUMER, settings, properties, impl.events);
  if (!kafka) return fail(kafka.error());
  impl.kafka = *kafka;
  impl.queue_bytes = queue_bytes(impl.kafka);
  rd_kafka_poll_set_consumer(impl.kafka);
  const PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(offsets.size())));
  for (const auto& [at, offset] : offsets) {
    const auto topic = impl.prefix + at.topic;
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), at.partition)->offset = offset;
    auto& source = impl.sources.emplace_back();
    source.partition = at;
    source.next = offset;
    source.queue.reset(rd_kafka_queue_get_partition(impl.kafka, topic.c_str(), at.partition));
    if (source.queue == nullptr)
      return fail(ErrorKind::invalid, "topic " + topic + " partition " +
                                          std::to_string(at.partition) + ": there is no such");
    // Before it is assigned, so that nothing comes to the consumer's own queue.
    rd_kafka_queue_forward(source.queue.get(), nullptr);
  }
  const auto code = rd_kafka_assign(impl.kafka, list.get());
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(kafka_error(code, "assigning partitions"));
  return reader;
}

PartitionReader::~PartitionReader() {
  impl_->sources.clear();
  // There is no group to leave, and closing would wait for brokers that may be away.
  if (impl_->kafka != nullptr)
    rd_kafka_destroy_flags(impl_->kafka, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

Status PartitionReader::read(std::size_t place, std::size_t most, milliseconds patience,
                             RecordBatch& into) {
  auto& source = impl_->sources.at(place);
  auto& messages = impl_->messages;
  if (messages.size() < most) messages.resize(most);
  const auto read = [&](std::size_t from) -> std::size_t {
    if (from == most || rd_kafka_queue_length(source.queue.get()) == 0) return 0;
    return static_cast<std::size_t>(std::max<ssize_t>(
        rd_kafka_consume_batch_queue(source.queue.get(), 0, messages.data() + from, most - from),
        0));
  };
  impl_->wake_fetchers();
  auto count = read(0);
  if (count == 0 && patience > milliseconds{0}) {
    // A batch would be waited for until it is full.
    if (!impl_->drained.empty()) patience = std::min(patience, between_wakes);
    messages[0] = rd_kafka_consume_queue(source.queue.get(), to_millis(patience));
    if (messages[0] != nullptr) count = 1 + read(1);
  }
  Status status;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < count; ++i) {
    auto* const message = messages[i];
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      bytes += message->len + message->key_len;
      source.next = message->offset + 1;
      source.is_at_end = false;
      into.add(message);
      continue;
    }
    // What mends itself is told where nothing else is.
    if (auto error = impl_->take_event(source, *message);
        error && (status || status.error().kind == ErrorKind::unavailable))
      status = fail(*std::move(error));
    rd_kafka_message_destroy(message);
  }
  if (bytes > 0) {
    if (impl_->events.all_brokers_down) impl_->events.all_brokers_down = false;
    const auto left = rd_kafka_queue_length(source.queue.get()) * (bytes / count);
    const auto nearly_full = impl_->queue_bytes / 4 * 3;
    if (left + bytes > nearly_full && left <= nearly_full) impl_->drained.push_back(place);
  }
  return status;
}

Status PartitionReader::check() {
  while (const Message message{rd_kafka_consumer_poll(impl_->kafka, 0)}) {
    switch (message->err) {
      case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:  // of a group that nobody joins
      case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
        break;
      default:
        return fail(kafka_error(message->err, "consuming", rd_kafka_message_errstr(message.get())));
    }
  }
  return impl_->troubles.look(impl_->kafka, impl_->events);
}

std::int64_t PartitionReader::position(std::size_t place) const {
  return impl_->sources.at(place).next;
}

bool PartitionReader::is_at_end(std::size_t place) const {
  return impl_->sources.at(place).is_at_end;
}

}  // namespace oppen::client
