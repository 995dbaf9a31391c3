#pragma once
// Reads the topics of a group while what has been read before is parsed: by a thread of its own, for that takes the most time. What is
// read comes back in its order. One thread owns it.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "producers/client/group_consumer.hpp"
#include "workers/cost/usage/sample_reader.hpp"
#include "workers/runtime/stage.hpp"

namespace oppen::cost {

// A record of telemetry, and what it tells.
struct Sampled {
  std::size_t place = 0;  // in its batch
  int partition = -1;
  std::int64_t offset = -1;
  bool sets_aside = false;  // not to be parsed
  bool misplaced = false;   // not in the partition of its key
  std::optional<Reading> reading = {};
  std::string wrong = {};  // why it can't be read, in sentences
};

// What was read at once.
struct Records {
  client::RecordBatch batch;
  std::vector<Sampled> samples;     // of telemetry
  std::vector<std::size_t> others;  // places in the batch of what is of other topics
  int partitions = 0;               // of telemetry
  std::deque<std::string> texts;    // what readings borrow, unless it is the record's key

  void clear();
};

class ReadAhead {
 public:
  static constexpr std::int64_t most_at_once = 300;
  static constexpr std::size_t most_under_way = 2;
  // Records that have been read and are not handled: those under way, and those that were taken.
  static constexpr std::int64_t most_ahead = (most_under_way + 1) * most_at_once;

  // `consumer` must outlive this.
  explicit ReadAhead(client::GroupConsumer& consumer);

  // Reads some records; nullptr: none came, within 100 ms if nothing is under way, or there is no room for more. They are there to be
  // looked at, but not read out, until this is called again, which forgets them unless they went on by parse(). `careful`: one record
  // at a time, and only if nothing is under way. `partitions`: of telemetry. When the group changes what is owned, all that is under way
  // is dropped. Errors: as of GroupConsumer::poll; what was read before stays under way.
  Result<Records*> poll(bool careful, int partitions);
  // What poll() has just given.
  void parse();
  // The records that were read first; nullptr: there are none. They are there until this, or drop(), is called again.
  Records* take();
  // Everything that is under way.
  void drop();

 private:
  static constexpr std::size_t most_bytes = 1 << 20;
  void work(Records& records);

  client::GroupConsumer& consumer_;
  std::unique_ptr<Records> polled_ = std::make_unique<Records>();
  std::unique_ptr<Records> taken_;
  std::vector<std::unique_ptr<Records>> spare_;
  std::size_t bytes_ = 0;  // under way
  // The stage's.
  SampleReader reader_;
  std::vector<HeaderView> headers_;
  runtime::Stage<Records> stage_;  // last: it uses the others
};

}  // namespace oppen::cost
