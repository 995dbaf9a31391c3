#pragma once
// What a submission is told of its wait, duration and cost. Pure; any thread.
//
// The wait is the work ahead of the job (estimated seconds of what is queued before it and what is
// left of what runs) shared out over the slots; it knows nothing of different shapes or quotas by
// resource.
#include <memory>

#include "scheduler/plan/decide.hpp"
#include "scheduler/queue/record.hpp"
#include "schemas/job_events.hpp"
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

// The queue and the cluster at one moment: a snapshot, so that another thread may look at it.
struct Outlook {
  Time at{};
  std::int64_t queued_jobs[3] = {};  // by priority
  double queued_seconds[3] = {};     // of these
  double running_seconds = 0;        // left of the live attempts
  plan::Capacity capacity;
  std::shared_ptr<const pricing::CostModel> cost_model;
};

// Position, wait, duration and cost as job.queued tells them for a job that joins the queue now, behind
// `more_jobs` others that are joining with it; and its spec.
JobQueued expectation(const queue::JobRecord& record, const Outlook& outlook,
                      std::int64_t more_jobs = 0, double more_seconds = 0);

}  // namespace oppen::core
