#include "scheduler/core/log_check.hpp"

#include <fmt/format.h>

#include "scheduler/core/kafka_deadline.hpp"
#include "schemas/job.hpp"
#include "schemas/topics.hpp"

namespace oppen::core {
namespace {

using namespace std::chrono_literals;
using client::TopicPartition;

constexpr auto advice =
    ": give each Kafka cluster a Redis of its own (OPPEN_REDIS_URL), or empty this one to "
    "rebuild the queue from the log";

// nullopt: the log holds none there (any more).
Result<std::optional<client::ConsumedRecord>> record_at(client::Consumer& consumer,
                                                        const TopicPartition& partition,
                                                        std::int64_t offset) {
  if (auto status = consumer.assign({{partition, offset}}); !status) return fail(status.error());
  const auto deadline = std::chrono::steady_clock::now() + kafka_deadline;
  while (std::chrono::steady_clock::now() < deadline) {
    auto record = consumer.poll(500ms);
    if (!record && record.error().kind == ErrorKind::not_found)
      return std::optional<client::ConsumedRecord>();
    if (!record) return fail(record.error());
    if (!*record) continue;
    if ((*record)->offset != offset) return std::optional<client::ConsumedRecord>();
    return record;
  }
  return fail(ErrorKind::unavailable,
              fmt::format("{} at offset {} could not be read", partition.topic, offset));
}

}  // namespace

std::string note_of(const client::ConsumedRecord& record) {
  const auto& key = record.record.key;
  return fmt::format(
      "{} {}", record.offset,
      short_digest(
          fmt::format("{} {} {}\n", record.timestamp.time_since_epoch().count(), key.size(), key) +
          record.record.value.value_or("")));
}

Result<std::string> check_log(queue::QueueStore& store, client::Consumer& consumer) {
  const auto cluster = consumer.cluster_id(kafka_deadline);
  if (!cluster) return fail(cluster.error());
  const auto stored = store.meta("cluster_id");
  if (!stored) return fail(stored.error());
  if (*stored && **stored != *cluster) {
    return fail(ErrorKind::fatal, "Redis holds the queue of Kafka cluster " + **stored +
                                      ", connected is " + *cluster + advice);
  }
  const auto next = store.meta("next:jobs");
  if (!next) return fail(next.error());
  const TopicPartition jobs{std::string(topics::jobs), 0};
  const auto marks = consumer.watermarks(jobs, kafka_deadline);
  if (!marks) return fail(marks.error());
  if (*next && std::strtoll((*next)->c_str(), nullptr, 10) > marks->high) {
    return fail(ErrorKind::fatal, "Redis has handled the topic jobs up to offset " + **next +
                                      ", its log ends at " + std::to_string(marks->high) + advice);
  }
  // A topic that was deleted, made anew and has grown longer since shows in its records alone.
  const auto note = store.meta(last_record_field);
  if (!note) return fail(note.error());
  const auto offset = *note ? std::strtoll((*note)->c_str(), nullptr, 10) : -1;
  if (offset < marks->low || offset >= marks->high) return *cluster;
  const auto record = record_at(consumer, jobs, offset);
  if (!record) return fail(record.error());
  if (auto status = consumer.assign({}); !status) return fail(status.error());
  if (*record && note_of(**record) != **note) {
    return fail(
        ErrorKind::fatal,
        fmt::format("the topic jobs holds another record at offset {} than the one that was "
                    "handled: it was deleted and made anew{}",
                    offset, advice));
  }
  return *cluster;
}

}  // namespace oppen::core
