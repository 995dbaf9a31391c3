#pragma once
// What a limit of parallel jobs saves, by the scheduler's projection (scheduler/plan/project.hpp) of the jobs that the bus has told of. Pure; any
// thread.
#include <optional>
#include <vector>

#include "schemas/job.hpp"
#include "schemas/time.hpp"

namespace oppen::anomaly {

struct JobAhead {
  Priority priority = Priority::normal;
  double seconds = 0;           // the whole run, as it was estimated when it was queued
  double dollars = 0;           // the same
  std::optional<Time> started;  // absent: it waits
};

// Dollars less over the next 24 hours with `limit` in parallel than with as many as run now. What runs ends in its time; then what waits starts, and
// what runs now comes again, for a runaway goes on. Quotas are not known and bound nothing. `waiting` jobs beyond the first 10,000 don't count.
double saved_by_limit(const std::vector<JobAhead>& jobs, int limit, Time now);

}  // namespace oppen::anomaly
