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

#include "workers/anomaly/rules/fact.hpp"

namespace oppen::anomaly {

// What a record tells. Samples are nearly all there is: what else there is takes no room in their line.
struct Entry {
  Entry() = default;
  Entry(std::int64_t at_offset, Happening happening);

  std::int64_t offset = 0;
  Time at{};  // when it was published
  std::variant<Sampled, std::unique_ptr<Happening>> what;
};

class Merge {
 public:
  struct Item {
    std::size_t place = 0;
    std::int64_t offset = 0;
    Happening happening;
  };

  // Before anything else: each partition that is read, in their order; which one it is, is its place below. Nothing from before `since` is
  // told apart.
  void begin(Time since);
  // What comes later in its partition counts as of no earlier time than what came before.
  void add(std::size_t place, Entry entry);
  // The partition had nothing more up to then.
  void heard(std::size_t place, Time until);

  // The next in order; nullopt: it may not have come yet.
  std::optional<Item> pop();
  // Up to where the partitions were popped: those of which something was, since the last call.
  struct Popped {
    std::int64_t next = 0;
    Time at{};
  };
  std::vector<std::pair<std::size_t, Popped>> take_popped();
  // Up to when the partition was taken.
  Time reached(std::size_t place) const { return lanes_[place].until; }
  // Nothing from before is to come.
  Time until() const { return lanes_.empty() ? Time{} : lanes_[first()].next(); }
  // The partition that has the next in order, or, where nothing of it is here, may have it. There is one that is read.
  std::size_t first() const;

  std::size_t size() const { return size_; }
  std::size_t size(std::size_t place) const { return lanes_[place].items.size(); }

 private:
  struct Lane {
    Time until{};
    std::deque<Entry> items;
    std::optional<Popped> popped;

    Time next() const { return items.empty() ? until : items.front().at; }
    // Where times are equal, first what may still come, then as the partitions are ordered.
    std::int64_t key() const {
      return 2 * next().time_since_epoch().count() + (items.empty() ? 0 : 1);
    }
  };

  std::deque<Lane> lanes_;
  std::vector<std::int64_t> keys_;  // of the lanes: all are looked at for each item
  std::size_t size_ = 0;
};

}  // namespace oppen::anomaly
