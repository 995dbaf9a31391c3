#pragma once
// Reads each of several partitions by itself, in batches, when the caller wants more of it: a log that is ahead of the others waits in a queue of
// its own, which librdkafka bounds, and what was fetched is never fetched again. No group; positions come from the caller, who stores them with
// the effects. One thread owns it, and it outlives the batches that it gave.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

#include "producers/client/kafka.hpp"
#include "producers/client/record_batch.hpp"

namespace oppen::client {

class PartitionReader {
 public:
  // Begins to fetch these partitions from these offsets on. A partition's place in this order is how it is named below. Of all together some
  // 2 MiB wait in the queues, or what is fetched of each at a time, if that is more; where the settings' properties say queued.max.messages.kbytes, as much of each
  // partition. Errors: invalid (a property that librdkafka refuses); as
  // Consumer::assign.
  static Result<std::unique_ptr<PartitionReader>> create(
      const KafkaSettings& settings, const std::map<TopicPartition, std::int64_t>& offsets);
  ~PartitionReader();
  PartitionReader(const PartitionReader&) = delete;
  PartitionReader& operator=(const PartitionReader&) = delete;

  // Adds up to `most` of the partition's next records to `into`, those that are there; where there are none it waits for the first up to
  // `patience`. What was added counts, also beside an error: unavailable (go on reading, it mends itself), not_found (offset out of range: the
  // message names topic, partition and offset; also an unknown topic), fatal.
  Status read(std::size_t place, std::size_t most, std::chrono::milliseconds patience,
              RecordBatch& into);
  // What is wrong with all of it: unavailable (all brokers down: go on, it reconnects by itself), and else as Consumer::poll. To be asked now
  // and then; up to 200 ms where brokers are down.
  Status check();

  // What is read next: behind the last record that read() gave, and, once the log's end was reached, behind what is no record there (the
  // marker that ends a transaction).
  std::int64_t position(std::size_t place) const;
  // The last that was read of the partition was that it has no more.
  bool is_at_end(std::size_t place) const;

 private:
  struct Impl;
  explicit PartitionReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace oppen::client
