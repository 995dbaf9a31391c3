#pragma once
// A waiting job as the first line of its record tells it, without the detail behind. Plain values and pure functions, any thread.
#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>

#include "scheduler/plan/project.hpp"
#include "scheduler/queue/header.hpp"

namespace oppen::answers {

// Where a job stands in the order of launching.
struct Rank {
  Priority priority = Priority::normal;
  std::int64_t place = 0;
  auto operator<=>(const Rank&) const = default;
};

struct Head {
  JobState state = JobState::queued;
  queue::Hold hold = queue::Hold::none;
  std::int64_t place = 0;
  plan::Waiting waiting;  // its dependencies are known to the detail alone

  Rank rank() const { return {waiting.priority, place}; }
};

// As the planner knows it; none for dependencies, which it is told of one by one.
plan::Hold hold_of(queue::Hold hold);

// nullopt: it is no such line.
std::optional<Head> read_head(std::string_view line);

}  // namespace oppen::answers
