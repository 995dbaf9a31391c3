#include "scheduler/core/estimates.hpp"

#include <algorithm>
#include <cmath>

namespace oppen::core {

std::int64_t slots_for(const plan::Amounts& amounts, Priority priority,
                       const plan::Capacity& capacity) {
  std::int64_t slots = capacity.max_concurrent_jobs;
  for (const auto& quota : capacity.quotas) {
    if (!plan::applies(quota, priority)) continue;
    for (const auto& [resource, hard] : quota.hard) {
      if (const auto need = plan::amount_of(amounts, resource); need > 0)
        slots = std::min(slots, hard / need);
    }
  }
  return std::max<std::int64_t>(1, slots);
}

double estimate_wait_seconds(const Ahead& ahead) {
  if (ahead.position <= ahead.free_slots) return 0;
  return (ahead.queued_seconds + ahead.running_seconds) /
         static_cast<double>(std::max<std::int64_t>(1, ahead.slots));
}

MicroUsd estimate_cost(const JobSpec& resolved, Time start, double seconds,
                       const pricing::CostModel& model) {
  const pricing::Usage usage{plan::resources_of(resolved), "",
                             resolved.priority.value_or(Priority::normal), resolved.spot};
  const auto end = start + std::chrono::milliseconds(std::llround(seconds * 1000));
  return pricing::price(usage, start, end, model).total;
}

}  // namespace oppen::core
