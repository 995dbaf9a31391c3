#include <utility>

#include "producers/client/kafka_handle.hpp"

namespace oppen::client {
namespace {

using std::chrono::milliseconds;

}  // namespace

struct Consumer::Impl {
  explicit Impl(const KafkaSettings& settings) : events(settings), prefix(settings.topic_prefix) {}

  KafkaEvents events;
  std::string prefix;
  bool commits = false;
  rd_kafka_t* kafka = nullptr;
  rd_kafka_queue_t* queue = nullptr;
  rd_kafka_queue_t* commit_replies = nullptr;
  int commits_pending = 0;
  std::map<TopicPartition, std::int64_t> next;  // what is fetched next, for messages
  FetchPacer pacer;
  Troubles troubles;

  std::string describe(const TopicPartition& at) const {
    return "topic " + prefix + at.topic + " partition " + std::to_string(at.partition);
  }

  PartitionList list_of(const std::vector<TopicPartition>& partitions) const {
    PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())));
    for (const auto& at : partitions) {
      rd_kafka_topic_partition_list_add(list.get(), (prefix + at.topic).c_str(), at.partition);
    }
    return list;
  }

  // Of the record before it, which mostly is of the same partition.
  TopicPartition last;
  std::int64_t* last_next = nullptr;

  ConsumedRecord take(rd_kafka_message_t& message) {
    pacer.took(kafka, queue, message);
    auto record = to_record(message, prefix);
    if (last_next == nullptr || record.partition != last.partition || record.topic != last.topic) {
      last = {record.topic, record.partition};
      last_next = &next[last];
    }
    *last_next = record.offset + 1;
    return record;
  }

  // Takes the answers to commits; nobody acts on them.
  void drain_commits(milliseconds patience) {
    const auto give_up_at = std::chrono::steady_clock::now() + patience;
    while (commits_pending > 0) {
      const auto left =
          std::chrono::duration_cast<milliseconds>(give_up_at - std::chrono::steady_clock::now());
      auto* reply = rd_kafka_queue_poll(commit_replies, to_millis(left));
      if (reply == nullptr) return;
      rd_kafka_event_destroy(reply);
      --commits_pending;
    }
  }

  Error out_of_range(Consumer& consumer, const TopicPartition& at) const {
    const auto wanted = next.find(at);
    std::string text = describe(at) + ": offset " +
                       (wanted == next.end() ? "?" : std::to_string(wanted->second)) +
                       " is not in the log";
    const auto held = consumer.watermarks(at, milliseconds{1000});
    if (held)
      text += ", which holds " + std::to_string(held->low) + " up to " + std::to_string(held->high);
    return {ErrorKind::not_found, text};
  }
};

Consumer::Consumer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Consumer>> Consumer::create(const KafkaSettings& settings,
                                                   const std::string& group) {
  auto impl = std::make_unique<Impl>(settings);
  impl->commits = !group.empty();
  auto properties = consumer_defaults;
  properties["enable.partition.eof"] = "true";  // position() needs it
  properties["group.id"] =
      group.empty() ? settings.client_id + "-reader" : group;  // librdkafka demands one
  const auto kafka = open_kafka(RD_KAFKA_CONSUMER, settings, properties, impl->events);
  if (!kafka) return fail(kafka.error());
  impl->kafka = *kafka;
  rd_kafka_poll_set_consumer(impl->kafka);
  impl->queue = rd_kafka_queue_get_consumer(impl->kafka);
  impl->commit_replies = rd_kafka_queue_new(impl->kafka);
  return std::unique_ptr<Consumer>(new Consumer(std::move(impl)));
}

Consumer::~Consumer() {
  impl_->drain_commits(milliseconds{1000});
  rd_kafka_queue_destroy(impl_->commit_replies);
  rd_kafka_queue_destroy(impl_->queue);
  // There is no group to leave, and closing would wait for brokers that may be away.
  rd_kafka_destroy_flags(impl_->kafka, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

Status Consumer::assign(const std::map<TopicPartition, std::int64_t>& offsets) {
  const PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(offsets.size())));
  for (const auto& [at, offset] : offsets) {
    rd_kafka_topic_partition_list_add(list.get(), (impl_->prefix + at.topic).c_str(), at.partition)
        ->offset = offset;
  }
  const auto code = rd_kafka_assign(impl_->kafka, list.get());
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(kafka_error(code, "assigning partitions"));
  impl_->next = offsets;
  impl_->last_next = nullptr;
  impl_->events.trouble.reset();
  return {};
}

Result<std::optional<ConsumedRecord>> Consumer::poll(milliseconds timeout) {
  Message message(rd_kafka_consumer_poll(impl_->kafka, to_millis(timeout)));
  if (message != nullptr && message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (impl_->events.all_brokers_down) impl_->events.all_brokers_down = false;
    return impl_->take(*message);
  }
  if (message != nullptr) {
    switch (message->err) {
      case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        impl_->next[{std::string(without_prefix(rd_kafka_topic_name(message->rkt), impl_->prefix)),
                     message->partition}] = message->offset;
        return poll(timeout);                     // there is one each time an end is reached
      case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:  // of a group that nobody joins
        return std::nullopt;
      case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
        if (!impl_->commits) return std::nullopt;  // the group is a name only
        break;
      default:
        break;
    }
    const bool about_topic = message->rkt != nullptr;
    const TopicPartition at{
        std::string(about_topic ? without_prefix(rd_kafka_topic_name(message->rkt), impl_->prefix)
                                : std::string_view()),
        message->partition};
    if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
        message->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
      return fail(impl_->out_of_range(*this, at));
    }
    return fail(kafka_error(message->err, about_topic ? impl_->describe(at) : "consuming",
                            rd_kafka_message_errstr(message.get())));
  }
  if (auto status = impl_->troubles.look(impl_->kafka, impl_->events); !status)
    return fail(status.error());
  return std::nullopt;
}

void Consumer::wake() { rd_kafka_queue_yield(impl_->queue); }

std::int64_t Consumer::position(const TopicPartition& partition) const {
  return impl_->next.at(partition);
}

// Not rd_kafka_query_watermark_offsets: that waits for ever once the broker goes away under it.
Result<Consumer::Watermarks> Consumer::watermarks(const TopicPartition& partition,
                                                  milliseconds deadline) {
  const auto give_up_at = std::chrono::steady_clock::now() + deadline;
  const auto at = [&](std::int64_t place) -> Result<std::int64_t> {
    const PartitionList list(rd_kafka_topic_partition_list_new(1));
    auto* asked = rd_kafka_topic_partition_list_add(
        list.get(), (impl_->prefix + partition.topic).c_str(), partition.partition);
    asked->offset = place;
    const auto left = std::max(milliseconds{1}, std::chrono::duration_cast<milliseconds>(
                                                    give_up_at - std::chrono::steady_clock::now()));
    auto code = rd_kafka_offsets_for_times(impl_->kafka, list.get(), to_millis(left));
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) code = asked->err;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
      return fail(kafka_error(code, impl_->describe(partition)));
    return asked->offset;
  };
  const auto low = at(beginning);
  if (!low) return fail(low.error());
  const auto high = at(end);
  if (!high) return fail(high.error());
  return Watermarks{*low, *high};
}

Result<std::map<TopicPartition, std::int64_t>> Consumer::ends(
    const std::vector<TopicPartition>& partitions, milliseconds deadline) {
  const auto list = impl_->list_of(partitions);
  for (int i = 0; i < list->cnt; ++i) list->elems[i].offset = end;
  const auto code = rd_kafka_offsets_for_times(impl_->kafka, list.get(), to_millis(deadline));
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return fail(kafka_error(code, "asking where the logs end"));
  std::map<TopicPartition, std::int64_t> all;
  for (int i = 0; i < list->cnt; ++i) {
    const auto& one = list->elems[i];
    const TopicPartition at{std::string(without_prefix(one.topic, impl_->prefix)), one.partition};
    if (one.err != RD_KAFKA_RESP_ERR_NO_ERROR)
      return fail(kafka_error(one.err, impl_->describe(at)));
    if (one.offset < 0)
      return fail(ErrorKind::unavailable, impl_->describe(at) + ": where it ends is not answered");
    all[at] = one.offset;
  }
  return all;
}

Result<std::map<TopicPartition, std::int64_t>> Consumer::committed_by(const std::string& group,
                                                                      milliseconds deadline) {
  const auto what = "asking what the group " + group + " has committed";
  const std::unique_ptr<rd_kafka_queue_t, decltype(&rd_kafka_queue_destroy)> replies(
      rd_kafka_queue_new(impl_->kafka), rd_kafka_queue_destroy);
  const std::unique_ptr<rd_kafka_AdminOptions_t, decltype(&rd_kafka_AdminOptions_destroy)> options(
      rd_kafka_AdminOptions_new(impl_->kafka, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS),
      rd_kafka_AdminOptions_destroy);
  char reason[256] = {};
  rd_kafka_AdminOptions_set_request_timeout(options.get(), to_millis(deadline), reason,
                                            sizeof reason);
  auto* request = rd_kafka_ListConsumerGroupOffsets_new(group.c_str(), nullptr);
  rd_kafka_ListConsumerGroupOffsets(impl_->kafka, &request, 1, options.get(), replies.get());
  rd_kafka_ListConsumerGroupOffsets_destroy(request);
  const std::unique_ptr<rd_kafka_event_t, decltype(&rd_kafka_event_destroy)> reply(
      rd_kafka_queue_poll(replies.get(), to_millis(deadline)), rd_kafka_event_destroy);
  if (reply == nullptr) return fail(kafka_error(RD_KAFKA_RESP_ERR__TIMED_OUT, what));
  if (const auto code = rd_kafka_event_error(reply.get()); code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return fail(kafka_error(code, what));
  std::size_t count = 0;
  const auto* const groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
      rd_kafka_event_ListConsumerGroupOffsets_result(reply.get()), &count);
  std::map<TopicPartition, std::int64_t> all;
  for (std::size_t i = 0; i < count; ++i) {
    if (const auto* error = rd_kafka_group_result_error(groups[i]); error != nullptr)
      return fail(kafka_error(rd_kafka_error_code(error), what));
    const auto* const list = rd_kafka_group_result_partitions(groups[i]);
    for (int j = 0; list != nullptr && j < list->cnt; ++j) {
      const auto& one = list->elems[j];
      if (one.offset < 0 || !std::string_view(one.topic).starts_with(impl_->prefix)) continue;
      all[{std::string(without_prefix(one.topic, impl_->prefix)), one.partition}] = one.offset;
    }
  }
  return all;
}

Result<int> Consumer::partition_count(std::string_view topic, milliseconds deadline) {
  return client::partition_count(impl_->kafka, impl_->prefix + std::string(topic), deadline);
}

Result<std::string> Consumer::cluster_id(milliseconds deadline) {
  char* id = rd_kafka_clusterid(impl_->kafka, to_millis(deadline));
  if (id == nullptr)
    return fail(kafka_error(RD_KAFKA_RESP_ERR__TIMED_OUT, "asking for the cluster's id"));
  std::string text(id);
  rd_kafka_mem_free(impl_->kafka, id);
  return text;
}

void Consumer::commit_info(const TopicPartition& partition, std::int64_t next) {
  if (!impl_->commits) return;
  auto* list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(list, (impl_->prefix + partition.topic).c_str(),
                                    partition.partition)
      ->offset = next;
  impl_->drain_commits(milliseconds{0});
  if (rd_kafka_commit_queue(impl_->kafka, list, impl_->commit_replies, nullptr, nullptr) ==
      RD_KAFKA_RESP_ERR_NO_ERROR) {
    ++impl_->commits_pending;
  }
  rd_kafka_topic_partition_list_destroy(list);
}

}  // namespace oppen::client
