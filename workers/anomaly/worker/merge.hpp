#pragma once
// Brings what several partitions hold into one order, by the times at which it was published, so that a log that is read again gives the
// same order. Nothing is given out while something earlier may come from another partition. Pure; one thread.
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "producers/client/kafka.hpp"
#include "workers/anomaly/rules/fact.hpp"

namespace oppen::anomaly {

class Merge {
 public:
  struct Item {
    client::TopicPartition from;
    std::int64_t offset = 0;
    Happening happening;
  };

  // Before anything else: all that are read. Nothing from before `since` is told apart.
  void begin(const client::TopicPartition& partition, Time since);
  // What comes later in its partition counts as of no earlier time than what came before.
  void add(const client::TopicPartition& partition, std::int64_t offset, Happening happening);
  // The partition had nothing more up to then.
  void heard(const client::TopicPartition& partition, Time until);

  // The next in order; nullopt: it may not have come yet.
  std::optional<Item> pop();
  // Up to where the partitions were popped: those of which something was, since the last call.
  struct Popped {
    std::int64_t next = 0;
    Time at{};
  };
  std::vector<std::pair<client::TopicPartition, Popped>> take_popped();
  // Up to when the partition was taken.
  Time reached(const client::TopicPartition& partition) const;
  // Nothing from before is to come.
  Time until() const;

  std::size_t size() const { return size_; }
  std::size_t size(const client::TopicPartition& partition) const;

 private:
  // Samples are nearly all that waits: what else there is takes no room in their line.
  struct Waiting {
    std::int64_t offset = 0;
    Time at{};
    std::variant<Sampled, std::unique_ptr<Happening>> what;
  };
  struct Lane {
    client::TopicPartition partition;
    Time until{};
    std::deque<Waiting> items;
    std::optional<Popped> popped;

    Time next() const { return items.empty() ? until : items.front().at; }
    // Where times are equal, first what may still come, then as the partitions are ordered.
    std::int64_t key() const {
      return 2 * next().time_since_epoch().count() + (items.empty() ? 0 : 1);
    }
  };
  // Its place in lanes_ and keys_; of one that is not read: how many there are.
  std::size_t find(const client::TopicPartition& partition) const;
  std::size_t first() const;

  std::deque<Lane> lanes_;          // in order of the partitions
  std::vector<std::int64_t> keys_;  // of the lanes: all are looked at for each item
  mutable std::size_t found_ = 0;   // by find: mostly the same again
  std::size_t size_ = 0;
};

}  // namespace oppen::anomaly
