#pragma once
// Kafka as this project uses it: a producer that reports each record's fate, and a consumer whose
// position is ours. Both are thin over librdkafka; its types stay out of this header.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/binary_mode.hpp"
#include "schemas/cloud_event.hpp"
#include "schemas/error.hpp"

namespace oppen::client {

struct KafkaSettings {
  std::string brokers = "127.0.0.1:9092";
  std::map<std::string, std::string>
      properties;  // any librdkafka property; passwords among them, so never log it
  std::string topic_prefix = "oppen.";
  std::string client_id = "oppen";
  // Where librdkafka's own lines go (level as in syslog: 3 is an error, 7 debug); nowhere when
  // empty. Called on its threads and on those that wait for room, also while a Producer or Consumer is being destroyed.
  std::function<void(int level, const std::string& line)> log = {};
};

// "name=value;name=value" as OPPEN_KAFKA_PROPERTIES holds it. Invalid: a part without '='.
Result<std::map<std::string, std::string>> parse_kafka_properties(const std::string& text);

// As OPPEN_KAFKA_BROKERS, OPPEN_KAFKA_PROPERTIES and OPPEN_TOPIC_PREFIX say; what is not set stays as above. Invalid: malformed
// properties.
Result<KafkaSettings> settings_from_environment();

// What the broker said of one record.
struct Delivery {
  int partition = -1;
  std::int64_t offset = -1;
};

// A record whose parts are elsewhere, for the time of the call that takes it.
struct RecordView {
  std::string_view key;
  std::string_view value;  // its data() is null where the value is
  std::span<const HeaderView> headers;
};

// Idempotent, acks=all, lz4, murmur2 partitioning by key. Owns its librdkafka handle and one thread
// that serves delivery reports. All methods are safe from any thread. The destructor gives what is
// in flight 5 seconds.
class Producer {
 public:
  using OnDelivery = std::function<void(const Result<Delivery>&)>;  // called on the producer's own
                                                                    // thread; don't block

  // `topics` (without prefix) are looked up now, so that the first record to each does not wait for
  // metadata. Errors: invalid (a property librdkafka refuses). An unreachable broker is no error
  // here.
  static Result<std::unique_ptr<Producer>> create(const KafkaSettings& settings,
                                                  const std::vector<std::string>& topics);
  ~Producer();
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  // Hands a record to librdkafka; `done` is called exactly once unless this returns an error.
  // `topic` is without prefix. `partition` < 0: by key. Errors: unavailable (the local queue is
  // full: wait and repeat), invalid (too large).
  Status send(std::string_view topic, const KafkaRecord& record, OnDelivery done,
              int partition = -1);

  // The same, by key, and waits for room: until fewer than 2,000 records are under way, and the local queue takes it. The error is
  // unavailable when there is no room by the deadline, or when the local queue is full on the producer's own thread, which can't wait.
  Status send_when_there_is_room(std::string_view topic, const RecordView& record, OnDelivery done,
                                 std::chrono::milliseconds deadline);

  // Sends and waits until the broker has acknowledged; nothing lingers meanwhile (the property linger.ms). Errors: as send; unavailable at
  // the deadline (the record may or may not arrive later).
  Result<Delivery> send_and_wait(std::string_view topic, const KafkaRecord& record,
                                 std::chrono::milliseconds deadline, int partition = -1);

  // Waits until nothing is in flight; nothing lingers meanwhile. unavailable at the deadline.
  Status flush(std::chrono::milliseconds deadline);

  // Gives up what is not acknowledged: its callbacks get an error soon, on the producer's own thread. What had left for the broker
  // may still arrive there.
  void give_up();

  // True while some broker connection is up, as last seen.
  bool connected() const;

 private:
  struct Impl;
  explicit Producer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

struct ConsumedRecord {
  std::string topic;  // without prefix
  int partition = -1;
  std::int64_t offset = -1;
  Time timestamp{};  // the record's own
  KafkaRecord record;
};

// The same as librdkafka holds it: there until its consumer is polled again.
struct ConsumedView {
  std::string_view topic;
  int partition = -1;
  std::int64_t offset = -1;
  Time timestamp{};
  RecordView record;
};
ConsumedRecord copy_of(const ConsumedView& view);

struct TopicPartition {
  std::string topic;  // without prefix
  int partition = 0;
  auto operator<=>(const TopicPartition&) const = default;
};

// A consumer with an assignment of its own (no group rebalancing): positions come from the caller,
// who stores them with the effects. One thread owns it; wake() and watermarks() are for any thread.
class Consumer {
 public:
  // `group` is used for commit_info alone; "" for a reader that never commits.
  // Errors: invalid (a property librdkafka refuses).
  static Result<std::unique_ptr<Consumer>> create(const KafkaSettings& settings,
                                                  const std::string& group);
  ~Consumer();
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  static constexpr std::int64_t beginning = -2;
  static constexpr std::int64_t end = -1;
  // Replaces the assignment. An offset that the log no longer holds surfaces from poll as
  // not_found.
  Status assign(const std::map<TopicPartition, std::int64_t>& offsets);

  // The next record, or nullopt when `timeout` passed or wake() was called. Errors: unavailable
  // (all brokers down: go on polling, it reconnects by itself), not_found (offset out of range:
  // message names topic, partition, offset, and what the log holds; also an unknown topic), fatal.
  Result<std::optional<ConsumedRecord>> poll(std::chrono::milliseconds timeout);
  void wake();
  // What is read next in an assigned partition: behind the last record that poll gave, and, once the log's end was reached, behind what is no
  // record there (the marker that ends a transaction). Where ends() says the same, all of the partition was given.
  std::int64_t position(const TopicPartition& partition) const;

  // First and next-to-come offsets of a partition, asked from the broker: where something is being
  // consumed, behind a pending fetch (100 ms). unavailable at the deadline.
  struct Watermarks {
    std::int64_t low = 0;
    std::int64_t high = 0;
  };
  Result<Watermarks> watermarks(const TopicPartition& partition,
                                std::chrono::milliseconds deadline);
  // The next-to-come offsets of many partitions in one question. unavailable at the deadline.
  Result<std::map<TopicPartition, std::int64_t>> ends(const std::vector<TopicPartition>& partitions,
                                                      std::chrono::milliseconds deadline);
  // What a group has committed, of the topics with the prefix. unavailable at the deadline.
  Result<std::map<TopicPartition, std::int64_t>> committed_by(const std::string& group,
                                                              std::chrono::milliseconds deadline);
  Result<int> partition_count(std::string_view topic, std::chrono::milliseconds deadline);
  Result<std::string> cluster_id(std::chrono::milliseconds deadline);

  // Commits to the group as information for lag (asynchronous, best effort); `next` is the last
  // handled offset + 1.
  void commit_info(const TopicPartition& partition, std::int64_t next);

 private:
  struct Impl;
  explicit Consumer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace oppen::client
