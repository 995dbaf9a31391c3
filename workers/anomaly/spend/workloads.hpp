#pragma once
// What was spent on one combination of team, project, model type, GPU type, namespace and workload type: of which part of a change it is the
// cause. Exact sums of the last eight days, and of three hours by five minutes. One thread.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "workers/anomaly/spend/series.hpp"
#include "workers/anomaly/spend/spending.hpp"

namespace oppen::anomaly {

struct Used {
  std::int64_t microusd = 0;
  // GPU milliseconds (core milliseconds of what has no GPU), each counted by what its hour does to the price: what they cost is no question of when.
  std::int64_t quantity = 0;
  std::int64_t job_ms = 0;

  Used& operator+=(const Used& other) {
    microusd += other.microusd;
    quantity += other.quantity;
    job_ms += other.job_ms;
    return *this;
  }
  template <class Archive>
  void state(Archive& archive) {
    archive(microusd, quantity, job_ms);
  }
};

class Workload {
 public:
  static constexpr std::string_view state_name = "spend-workload.1";
  static constexpr std::int64_t days = 8;

  Workload() = default;
  explicit Workload(Slot now) : newest_(now), last_(now) {}

  void advance(Slot now);
  void add(Slot slot, const Used& used);

  Used day(std::int64_t day) const;
  // Of the `count` slots before `end`, of the last 47.
  Used slots(Slot end, Slot count) const;
  Slot last_spent() const { return last_; }

  // Which alert tells already that it grew: its key's digest; 0: none.
  std::uint32_t told_by = 0;

  template <class Archive>
  void state(Archive& archive) {
    archive(newest_, last_, days_, slots_, told_by);
  }

 private:
  static constexpr Slot kept = 48;

  Slot newest_ = 0;
  Slot last_ = 0;
  std::array<Used, days> days_{};
  std::array<Used, kept> slots_{};
};

}  // namespace oppen::anomaly
