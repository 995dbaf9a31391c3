#pragma once
// Brings what several partitions hold into one order, by the times at which it was published, so that a log that is read again gives the
// same order. Nothing is given out while something earlier may come from another partition. Pure; one thread.
#include <cstdint>
#include <deque>
#include <map>
#include <optional>

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
  // Up to when the partition was taken.
  Time reached(const client::TopicPartition& partition) const;
  // Nothing from before is to come.
  Time until() const;

  std::size_t size() const { return size_; }
  std::size_t size(const client::TopicPartition& partition) const;

 private:
  struct Lane {
    Time until{};
    std::deque<Item> items;
    Time next() const { return items.empty() ? until : items.front().happening.at; }
  };
  std::map<client::TopicPartition, Lane> lanes_;
  std::size_t size_ = 0;
};

}  // namespace oppen::anomaly
