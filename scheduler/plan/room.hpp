#pragma once
// A Capacity boiled down to numbers, for those who ask it thousands of times; and the reservation of a
// blocked head in it. Internal to this folder; plain values, any thread.
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "scheduler/plan/decide.hpp"

namespace oppen::plan {

class Room {
 public:
  static constexpr std::size_t scopes = 4;  // all pods; then those of each priority

  Room() = default;
  explicit Room(const Capacity& capacity);

  bool fits(Priority priority, const Amounts& amounts) const {
    return fits_in(free_[0], amounts) && fits_in(free_[scope_of(priority)], amounts);
  }
  void take(Priority priority, const Amounts& amounts) { change(priority, amounts, -1); }
  void give(Priority priority, const Amounts& amounts) { change(priority, amounts, 1); }

  // What is left in a scope; negative where more is taken than allowed.
  const Amounts& left(std::size_t scope) const { return free_[scope]; }
  static std::size_t scope_of(Priority priority) { return 1 + static_cast<std::size_t>(priority); }

 private:
  static bool fits_in(const Amounts& free, const Amounts& need) {
    return (need.pods <= free.pods || need.pods == 0) &&
           (need.gpus <= free.gpus || need.gpus == 0) &&
           (need.cpu_millicores <= free.cpu_millicores || need.cpu_millicores == 0) &&
           (need.memory_bytes <= free.memory_bytes || need.memory_bytes == 0);
  }
  void change(Priority priority, const Amounts& amounts, std::int64_t sign) {
    for (Amounts* free : {&free_[0], &free_[scope_of(priority)]}) {
      free->pods += sign * amounts.pods;
      free->gpus += sign * amounts.gpus;
      free->cpu_millicores += sign * amounts.cpu_millicores;
      free->memory_bytes += sign * amounts.memory_bytes;
    }
  }

  std::array<Amounts, scopes> free_ = {};
};

// What a live attempt gives back, and when at the latest. Milliseconds on the caller's clock.
struct Release {
  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
  std::int64_t at = 0;
  Priority priority = Priority::normal;
  Amounts amounts;
};

// When at the latest a blocked head can start, and what it leaves free then. Source: the "shadow time"
// and "extra nodes" of EASY backfilling (D. Lifka, "The ANL/IBM SP scheduling system", JSSPP 1995), with
// every bounded resource in the place of nodes.
class Reservation {
 public:
  // `releases`: all live attempts, in any order; it is reordered.
  Reservation(Room room, std::vector<Release>& releases, Priority priority, const Amounts& amounts);

  // nullopt: the head waits for something that no attempt of ours has to give back. It may come at any
  // moment, so others may only take what the head leaves now.
  std::optional<std::int64_t> at() const { return at_; }

  // Whether a job that ends by `ends_by` can't delay the head, be it that it is gone by then or that it
  // takes what the head leaves. It is counted in if so. (That it fits now is asked elsewhere.)
  bool admit(Priority priority, const Amounts& amounts, std::int64_t ends_by);

 private:
  std::optional<std::int64_t> at_;
  Room left_;
};

}  // namespace oppen::plan
