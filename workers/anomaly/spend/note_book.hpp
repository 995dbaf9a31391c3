#pragma once
// How often the bus said something of a value of a dimension, by hour of the last day, and how often it usually does. One thread.
#include <array>
#include <cstdint>
#include <string_view>

#include "workers/anomaly/diagnose/diagnose.hpp"
#include "workers/anomaly/spend/spending.hpp"

namespace oppen::anomaly {

class NoteBook {
 public:
  static constexpr std::string_view state_name = "spend-notes.1";
  static constexpr std::int64_t hours = 26;

  NoteBook() = default;
  explicit NoteBook(std::int64_t hour) : newest_(hour) {}

  // Hours counted from 1970 on.
  void advance(std::int64_t hour);
  void add(std::int64_t hour, NoteKind kind);
  // From the hour `from` on, beyond what is usual in as many hours.
  Seen since(std::int64_t from) const;
  bool empty() const { return counts_ == std::array<Counts, hours>{}; }  // of the last day

  template <class Archive>
  void state(Archive& archive) {
    archive(newest_, counts_, usual_);
  }

 private:
  using Counts = std::array<std::uint16_t, note_kinds>;

  std::int64_t newest_ = 0;
  std::array<Counts, hours> counts_{};
  std::array<float, note_kinds> usual_{};  // an hour; of the hours that have left the ring
};

}  // namespace oppen::anomaly
