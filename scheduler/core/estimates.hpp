#pragma once
// What a submission is told of its wait, duration and cost. Pure; any thread.
//
// The wait is the work ahead of the job (estimated seconds of what is queued before it and what is
// left of what runs) shared out over the slots; it knows nothing of different shapes or quotas by
// resource.
#include "scheduler/plan/decide.hpp"
#include "scheduler/queue/record.hpp"
#include "workers/cost/pricing/pricing.hpp"

namespace oppen::core {

struct Ahead {
  std::int64_t position = 1;   // of the job in the queue, from 1
  double queued_seconds = 0;   // of the jobs before it
  double running_seconds = 0;  // left of the live attempts
  std::int64_t slots = 1;
  std::int64_t free_slots = 0;
};

// How many jobs of this shape can run at once in an empty namespace, at least 1:
// max_concurrent_jobs, or what a quota allows.
std::int64_t slots_for(const plan::Amounts& amounts, Priority priority,
                       const plan::Capacity& capacity);

double estimate_wait_seconds(const Ahead& ahead);

// Of a run of `seconds` that begins at `start`.
MicroUsd estimate_cost(const JobSpec& resolved, Time start, double seconds,
                       const pricing::CostModel& model);

}  // namespace oppen::core
