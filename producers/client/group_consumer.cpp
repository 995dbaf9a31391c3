#include "producers/client/group_consumer.hpp"

#include <algorithm>
#include <utility>

#include "producers/client/kafka_handle.hpp"

namespace oppen::client {
namespace {

using std::chrono::milliseconds;

}  // namespace

struct GroupConsumer::Impl {
  explicit Impl(const KafkaSettings& settings) : events(settings), prefix(settings.topic_prefix) {}

  KafkaEvents events;
  std::string prefix;
  rd_kafka_t* kafka = nullptr;
  rd_kafka_queue_t* queue = nullptr;
  std::set<TopicPartition> owned;
  std::uint64_t generation = 0;
  FetchPacer pacer;
  std::vector<rd_kafka_message_t*> got;
  std::optional<Error> behind;  // what came with records, and is told after them
  std::chrono::steady_clock::time_point next_look{};

  PartitionList list_of(const std::map<TopicPartition, std::int64_t>& offsets) const {
    PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(offsets.size())));
    for (const auto& [at, offset] : offsets) {
      rd_kafka_topic_partition_list_add(list.get(), (prefix + at.topic).c_str(), at.partition)
          ->offset = offset;
    }
    return list;
  }

  Status assign(const std::map<TopicPartition, std::int64_t>& offsets) const {
    const auto list = list_of(offsets);
    const auto code = rd_kafka_assign(kafka, list.get());
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
    return fail(kafka_error(code, "assigning partitions"));
  }

  // Either way librdkafka wants an assignment: an empty one. What is to be read comes by start().
  void rebalance(const GroupConsumer& consumer, rd_kafka_resp_err_t code,
                 const rd_kafka_topic_partition_list_t* partitions) {
    ++generation;
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
      rd_kafka_assign(kafka, list_of({}).get());
      owned.clear();
      for (int i = 0; i < partitions->cnt; ++i) {
        const auto& one = partitions->elems[i];
        owned.insert({std::string(without_prefix(one.topic, prefix)), one.partition});
      }
      return;
    }
    const bool lost = rd_kafka_assignment_lost(kafka) != 0;
    if (!owned.empty() && consumer.on_revoked) consumer.on_revoked(lost);
    owned.clear();
    rd_kafka_assign(kafka, nullptr);
  }

  // Waits for one message alone, and takes what else there is by then.
  bool take(std::size_t most, milliseconds timeout) {
    got.clear();
    auto* const first = rd_kafka_consumer_poll(kafka, to_millis(timeout));
    if (first == nullptr) return false;
    got.resize(most);
    got.front() = first;
    const auto more = most > 1 ? rd_kafka_consume_batch_queue(queue, 0, &got[1], most - 1) : 0;
    got.resize(1 + static_cast<std::size_t>(std::max<ssize_t>(more, 0)));
    return true;
  }

  // Records go into the batch; of what else was taken the first error comes back, before it one that does not mend itself.
  std::optional<Error> sort(RecordBatch& into) {
    std::optional<Error> error;
    const auto is_record = [](const auto* one) { return one->err == RD_KAFKA_RESP_ERR_NO_ERROR; };
    for (auto*& one : got) {
      if (is_record(one)) continue;
      const Message message(std::exchange(one, nullptr));
      // The second: it has left the group, and joins again by itself.
      if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF ||
          message->err == RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED)
        continue;
      if (error && error->kind != ErrorKind::unavailable) continue;
      error = kafka_error(message->err, describe(*message), rd_kafka_message_errstr(message.get()));
    }
    std::erase(got, nullptr);
    pacer.took(kafka, queue, got);
    for (auto* const one : got) into.add(one);
    return error;
  }

  std::string describe(const rd_kafka_message_t& message) const {
    if (message.rkt == nullptr) return "consuming as a group";
    return std::string("topic ") + rd_kafka_topic_name(message.rkt) + " partition " +
           std::to_string(message.partition);
  }
};

GroupConsumer::GroupConsumer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<GroupConsumer>> GroupConsumer::create(const KafkaSettings& settings,
                                                             const std::string& group,
                                                             const std::set<std::string>& topics) {
  std::unique_ptr<GroupConsumer> consumer(new GroupConsumer(std::make_unique<Impl>(settings)));
  auto& impl = *consumer->impl_;
  impl.events.on_rebalance = [raw = consumer.get()](auto code, auto* partitions) {
    raw->impl_->rebalance(*raw, code, partitions);
  };
  auto properties = consumer_defaults;
  properties["group.id"] = group;
  properties["partition.assignment.strategy"] = "range";
  properties["session.timeout.ms"] = "10000";
  properties["heartbeat.interval.ms"] = "2000";
  // An answer may hold as much of each of many partitions, and is several times as large once it is unpacked.
  properties["fetch.message.max.bytes"] = "65536";
  const auto kafka = open_kafka(RD_KAFKA_CONSUMER, settings, properties, impl.events);
  if (!kafka) return fail(kafka.error());
  impl.kafka = *kafka;
  rd_kafka_poll_set_consumer(impl.kafka);
  impl.queue = rd_kafka_queue_get_consumer(impl.kafka);
  const PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(topics.size())));
  for (const auto& topic : topics) {
    rd_kafka_topic_partition_list_add(list.get(), (impl.prefix + topic).c_str(),
                                      RD_KAFKA_PARTITION_UA);
  }
  const auto code = rd_kafka_subscribe(impl.kafka, list.get());
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return fail(kafka_error(code, "joining the group " + group));
  return consumer;
}

GroupConsumer::~GroupConsumer() {
  if (impl_->kafka == nullptr) return;
  on_revoked = nullptr;
  if (impl_->queue != nullptr) rd_kafka_queue_destroy(impl_->queue);
  // Leaving would wait for brokers that are away, and the group gives a silent member up by itself.
  if (impl_->events.all_brokers_down) {
    rd_kafka_destroy_flags(impl_->kafka, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    return;
  }
  rd_kafka_consumer_close(impl_->kafka);
  rd_kafka_destroy(impl_->kafka);
}

const std::set<TopicPartition>& GroupConsumer::owned() const { return impl_->owned; }

std::uint64_t GroupConsumer::generation() const { return impl_->generation; }

Status GroupConsumer::start(const std::map<TopicPartition, std::int64_t>& offsets) {
  return impl_->assign(offsets);
}

Status GroupConsumer::hold() { return impl_->assign({}); }

Status GroupConsumer::poll(RecordBatch& into, std::size_t most, milliseconds timeout) {
  auto& impl = *impl_;
  into.begin(impl.prefix);
  if (impl.behind) return fail(*std::exchange(impl.behind, std::nullopt));
  const auto generation = impl.generation;
  const bool came = impl.take(most, timeout);
  auto error = impl.sort(into);
  // What came before is not this member's any more; who owns it reads it.
  if (impl.generation != generation) into.clear();
  if (!into.empty()) {
    impl.events.all_brokers_down = false;
    impl.behind = std::move(error);
    return {};
  }
  if (error) return fail(std::move(*error));
  if (came) return {};
  if (impl.events.trouble) return fail(*std::exchange(impl.events.trouble, std::nullopt));
  if (!impl.events.all_brokers_down) return {};
  // Down until a broker answers: no event says so, therefore ask now and then.
  const auto now = std::chrono::steady_clock::now();
  if (now >= impl.next_look) {
    impl.next_look = now + milliseconds{500};
    if (broker_answers(impl.kafka, milliseconds{200})) {
      impl.events.all_brokers_down = false;
      return {};
    }
  }
  return fail(kafka_error(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "consuming"));
}

Status GroupConsumer::listen(milliseconds timeout) {
  RecordBatch none;
  return poll(none, 1, timeout);
}

void GroupConsumer::wake() { rd_kafka_queue_yield(impl_->queue); }

std::optional<std::int64_t> GroupConsumer::log_end(const TopicPartition& partition) const {
  std::int64_t low = -1;
  std::int64_t high = -1;
  const auto code = rd_kafka_get_watermark_offsets(
      impl_->kafka, (impl_->prefix + partition.topic).c_str(), partition.partition, &low, &high);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR || high < 0) return std::nullopt;
  return high;
}

void GroupConsumer::commit_info(const std::map<TopicPartition, std::int64_t>& next) {
  const auto list = impl_->list_of(next);
  rd_kafka_commit(impl_->kafka, list.get(), 1);
}

}  // namespace oppen::client
