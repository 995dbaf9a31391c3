#pragma once
// The usage of all attempts that run, found by a sample without memory being asked for. No clock, no I/O; one thread.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workers/cost/usage/usage.hpp"

namespace oppen::cost {

class UsageBook {
 public:
  struct View {
    std::string_view job_id;
    int attempt = 0;
  };
  struct Key {
    std::string job_id;
    int attempt = 0;
    operator View() const { return {job_id, attempt}; }
  };

  // `most`: attempts that it holds. Samples may come before the job's events, and of jobs that never were: they get a place
  // like any other, until it is forgotten.
  explicit UsageBook(std::size_t most) : most_(most) {}

  // nullopt: the sample is nobody's.
  template <class OneReading>
  std::optional<Usage::Outcome> add(const OneReading& reading) {
    if (reading.job_id.empty() || reading.attempt == 0) return std::nullopt;
    auto* usage = find_or_make({reading.job_id, reading.attempt});
    return usage == nullptr ? Usage::Outcome::no_room : usage->add(reading);
  }

  // nullptr: nothing is known of it. What is found is there until one is added or forgotten.
  Usage* find(View key);
  void load(const Key& key, Usage usage);
  void forget(View key);
  // Each one; it is forgotten where `keeps` (Key, Usage&) says false.
  template <class Keeps>
  void visit(const Keeps& keeps) {
    for (std::size_t i = 0; i < entries_.size();) {
      if (keeps(entries_[i].key, entries_[i].usage)) {
        ++i;
      } else {
        erase(slot_of(entries_[i].hash, entries_[i].key));
      }
    }
  }

 private:
  struct Entry {
    std::uint64_t hash = 0;
    Key key;
    Usage usage;
  };
  using Slot = std::uint32_t;  // place in entries_, from 1; 0: free

  // Where the key is, or where it would be put.
  std::size_t slot_of(std::uint64_t hash, View key) const;
  // Nearer to the processor what is looked at when the entry behind this place is asked for next.
  Usage* found(std::size_t place);
  std::size_t behind(std::size_t slot) const { return (slot + 1) & (slots_.size() - 1); }
  Usage& put(std::uint64_t hash, Key key);
  void grow();
  void erase(std::size_t slot);
  Usage* find_or_make(View key);

  std::size_t most_;
  std::vector<Entry> entries_;
  std::size_t next_ = 0;     // place behind the one that was found last
  std::vector<Slot> slots_;  // a power of 2, at most half of them taken; by linear probing
};

}  // namespace oppen::cost
