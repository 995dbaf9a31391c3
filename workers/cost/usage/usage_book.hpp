#pragma once
// The usage of all attempts that run, found by a sample without memory being asked for. No clock, no I/O; one thread.
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <unordered_map>

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
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(View key) const {
      return std::hash<std::string_view>()(key.job_id) * 31 + static_cast<std::size_t>(key.attempt);
    }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(View a, View b) const { return a.attempt == b.attempt && a.job_id == b.job_id; }
  };
  using Attempts = std::unordered_map<Key, Usage, Hash, Equal>;

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

  // nullptr: nothing is known of it.
  Usage* find(View key);
  void load(Key key, Usage usage) { attempts_.insert_or_assign(std::move(key), std::move(usage)); }
  void forget(View key);
  // Each one; it is forgotten where `keeps` (Key, Usage&) says false.
  template <class Keeps>
  void visit(const Keeps& keeps) {
    for (auto entry = attempts_.begin(); entry != attempts_.end();)
      entry = keeps(entry->first, entry->second) ? std::next(entry) : attempts_.erase(entry);
  }

 private:
  Usage* find_or_make(View key);

  std::size_t most_;
  Attempts attempts_;
};

}  // namespace oppen::cost
