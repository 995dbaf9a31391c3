#pragma once
// Reads the logs that are followed, each as far as its owner wants, and finds out on a thread of its own what the records tell. One thread
// owns it.
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "producers/client/partition_reader.hpp"
#include "workers/anomaly/worker/merge.hpp"
#include "workers/runtime/stage.hpp"

namespace oppen::anomaly {

class Intake {
 public:
  static constexpr std::size_t most_in_batch = 256;

  struct Wrong {
    client::ConsumedRecord record;
    std::string why;
  };
  struct Batch {
    std::size_t place = 0;
    client::RecordBatch records;
    std::vector<Entry> entries;  // one for each record; of what is wrong that nothing is
    std::vector<Wrong>
        wrong;  // but of what is not valid of `control`, of which another worker is the judge
  };

  // A partition's place is that in `from`. Errors: as of PartitionReader.
  static Result<std::unique_ptr<Intake>> open(
      const client::KafkaSettings& kafka,
      const std::map<client::TopicPartition, std::int64_t>& from);

  // Puts a batch of the partition's next records under way, if there are any; where none are, waits for `patience`. Errors: as of
  // PartitionReader::read.
  Status ask(std::size_t place, std::chrono::milliseconds patience = {});
  // Batches that are under way, and of one partition the records.
  std::size_t under_way() const { return stage_.size(); }
  std::size_t under_way(std::size_t place) const { return under_way_[place]; }
  // The batch that was put under way first; waits for it. There is one.
  std::unique_ptr<Batch> take();
  // As of PartitionReader.
  Status check() { return reader_->check(); }
  bool is_at_end(std::size_t place) const {
    return under_way_[place] == 0 && reader_->is_at_end(place);
  }
  // All from before that offset was taken.
  bool is_taken(std::size_t place, std::int64_t end) const {
    return under_way_[place] == 0 && reader_->position(place) >= end;
  }

 private:
  Intake(std::unique_ptr<client::PartitionReader> reader, std::string topic_prefix,
         std::size_t partitions);
  // On the stage's thread.
  void read(Batch& batch);
  Result<Entry> tell(const client::ConsumedView& record);

  std::string topic_prefix_;
  std::unique_ptr<client::PartitionReader> reader_;
  std::vector<std::size_t> under_way_;  // records, by place
  // Of the stage's thread.
  std::vector<HeaderView> headers_;
  SampledReader samples_;
  runtime::Stage<Batch> stage_;  // last: it uses the others
};

}  // namespace oppen::anomaly
