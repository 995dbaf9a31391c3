#include "scheduler/core/estimates.hpp"

#include <algorithm>
#include <cmath>

#include "scheduler/plan/window.hpp"

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

JobQueued expectation(const queue::JobRecord& record, const Outlook& outlook,
                      std::int64_t more_jobs, double more_seconds) {
  const auto amounts = record.amounts();
  Ahead ahead;
  ahead.position = 1 + more_jobs;
  ahead.queued_seconds = more_seconds;
  for (const auto priority : all_priorities) {
    ahead.position += outlook.queued_jobs[static_cast<std::size_t>(priority)];
    ahead.queued_seconds += outlook.queued_seconds[static_cast<std::size_t>(priority)];
    if (priority == record.priority) break;
  }
  ahead.running_seconds = outlook.running_seconds;
  ahead.slots = slots_for(amounts, record.priority, outlook.capacity);
  ahead.free_slots = plan::why_not(amounts, record.priority, outlook.capacity)
                         ? 0
                         : std::max<std::int64_t>(1, ahead.slots - outlook.capacity.taken_slots());

  JobQueued event;
  event.spec = record.spec;
  event.position = ahead.position;
  event.estimated_wait_seconds = estimate_wait_seconds(ahead);
  event.estimated_duration_seconds = record.estimated_seconds;
  auto start =
      outlook.at + std::chrono::milliseconds(std::llround(event.estimated_wait_seconds * 1000));
  if (record.spec.window == "off_peak") {
    start = plan::next_open(start, *outlook.cost_model).value_or(start);
    event.estimated_wait_seconds = std::chrono::duration_cast<Seconds>(start - outlook.at).count();
  }
  event.estimated_cost =
      estimate_cost(record.spec, start, record.estimated_seconds, *outlook.cost_model);
  return event;
}

}  // namespace oppen::core
