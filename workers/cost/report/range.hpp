#pragma once
// Which days a report is about. Whole days of UTC. Pure functions, any thread.
#include <chrono>
#include <string>

#include "schemas/error.hpp"
#include "schemas/time.hpp"

namespace oppen::cost {

struct DayRange {
  std::chrono::sys_days from;
  std::chrono::sys_days to;  // exclusive

  int days() const { return static_cast<int>((to - from).count()); }
  // Of the same length, just before.
  DayRange before() const { return {from - (to - from), from}; }
};

inline constexpr int longest_range_days = 366;

// As a person says it: a month ("2026-01"), or a quarter ("2026-Q1"), or days ("2026-01-03"), the last one included. All "": this
// month. `from` alone: up to today. `to` alone: from the first of its month. Errors: invalid, in a sentence that names the field.
struct RangeWords {
  std::string from{};
  std::string to{};
  std::string month{};
  std::string quarter{};
};
Result<DayRange> parse_range(const RangeWords& words, Time now);

// "2026-01-03"
std::string to_text(std::chrono::sys_days day);

}  // namespace oppen::cost
