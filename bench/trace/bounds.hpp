#pragma once
// What a schedule of a trace comes to, and what its waits and makespan stand beside, worked out without the scheduler's code: a bound of
// the makespan, and a schedule by somebody who knows all run times. Pure; any thread.
#include <vector>

#include "bench/support/samples.hpp"
#include "bench/trace/virtual_run.hpp"

namespace oppen::bench {

inline double seconds(Time::duration duration) {
  return std::chrono::duration_cast<Seconds>(duration).count();
}

// In seconds. Of jobs that started then, each in its place.
struct Outcome {
  double mean_wait = 0;
  Samples waits;
  double makespan = 0;  // from the first arrival to the last end
};
Outcome outcome(const std::vector<TraceJob>& jobs, const std::vector<Time>& starts);

// No schedule ends before this: for each arrival, what arrives from then on takes all GPUs (or CPUs, or memory) for so
// long; and no job ends before it has arrived and run.
Time earliest_end(const std::vector<TraceJob>& jobs, const plan::Amounts& room);

// Not the best there is, but made with knowledge that no scheduler has: a list scheduler that knows how long each job will run.
// Whenever something arrives or ends, it goes through what waits in the order of the list and starts all that fits. Source: R. Graham, "Bounds on multiprocessing timing anomalies", SIAM
// Journal on Applied Mathematics 17 (1969); its list order is chosen for the mean wait (shortest first) or the makespan
// (longest first).
enum class ListOrder { shortest_first, longest_first };
std::vector<Time> list_schedule(const std::vector<TraceJob>& jobs, const plan::Amounts& room,
                                ListOrder order);

}  // namespace oppen::bench
