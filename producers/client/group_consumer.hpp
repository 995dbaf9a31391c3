#pragma once
// A member of a consumer group: the group says which partitions are its own (range assignment), the caller from where each is read.
// Between the two the caller does what it needs to take a partition over. One thread owns it; wake() is for any thread.
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "producers/client/kafka.hpp"
#include "producers/client/record_batch.hpp"

namespace oppen::client {

class GroupConsumer {
 public:
  // Joins the group for these topics (without prefix). A member that does not answer for session.timeout.ms is given up by the
  // group. Errors: invalid (a property librdkafka refuses).
  static Result<std::unique_ptr<GroupConsumer>> create(const KafkaSettings& settings,
                                                       const std::string& group,
                                                       const std::set<std::string>& topics);
  ~GroupConsumer();  // leaves the group, within some seconds
  GroupConsumer(const GroupConsumer&) = delete;
  GroupConsumer& operator=(const GroupConsumer&) = delete;

  // Called from poll when the group takes everything back, before it may be given to others; what is kept of the partitions is
  // another's then. `lost`: it has been given to others already.
  std::function<void(bool lost)> on_revoked;

  // What is this member's now; it grows and shrinks in poll alone. Nothing is read of it before start().
  const std::set<TopicPartition>& owned() const;
  // Counts how often that has changed.
  std::uint64_t generation() const;
  // Reads all that is owned, each from its offset, and nothing else.
  Status start(const std::map<TopicPartition, std::int64_t>& offsets);
  // Reads nothing until start() is called again.
  Status hold();

  // The next records, `most` of them or fewer, in place of what the batch held: waits for the first alone, until `timeout` has passed or
  // wake() is called. Errors: as of Consumer::poll; records that came before one are given first. Must be called often
  // (max.poll.interval.ms), whatever else is awaited.
  Status poll(RecordBatch& into, std::size_t most, std::chrono::milliseconds timeout);
  // The same while nothing is to be read: records that come are dropped.
  Status listen(std::chrono::milliseconds timeout);
  void wake();

  // The offset that comes next to the log of a partition that is read, as last seen; nullopt before anything was.
  std::optional<std::int64_t> log_end(const TopicPartition& partition) const;
  // Commits to the group, as information for lag (asynchronous, best effort).
  void commit_info(const std::map<TopicPartition, std::int64_t>& next);

 private:
  struct Impl;
  explicit GroupConsumer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace oppen::client
