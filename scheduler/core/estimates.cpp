#include "scheduler/core/estimates.hpp"

#include <algorithm>
#include <cmath>

namespace oppen::core {

double estimate_wait_seconds(const Ahead& ahead) {
  if (ahead.position <= ahead.free_slots) return 0;
  return (ahead.queued_seconds + ahead.running_seconds) / std::max(1, ahead.slots);
}

MicroUsd estimate_cost(const JobSpec& resolved, Time start, double seconds,
                       const pricing::CostModel& model) {
  const pricing::Usage usage{plan::resources_of(resolved), "",
                             resolved.priority.value_or(Priority::normal), resolved.spot};
  const auto end = start + std::chrono::milliseconds(std::llround(seconds * 1000));
  return pricing::price(usage, start, end, model).total;
}

}  // namespace oppen::core
