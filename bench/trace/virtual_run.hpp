#pragma once
// A trace played through the scheduler's own planning (scheduler/plan: decide, project, Durations) in time that passes only
// from event to event. Pure; one thread.
#include <cmath>
#include <vector>

#include "bench/trace/pod_trace.hpp"
#include "scheduler/plan/amounts.hpp"

namespace oppen::bench {

inline Time after(Time time, double seconds) {
  return time + std::chrono::milliseconds(std::llround(seconds * 1000));
}

// A node of the trace's cluster, of the kind that most of its GPUs are in ("G2" in openb_node_list.csv).
inline constexpr plan::Amounts trace_node{0, 8, 96'000, std::int64_t{384} << 30};

// Whether an empty one has room for it.
bool fits_a_node(const TracePod& pod);

struct TraceJob {
  Time arrives{};
  double run_seconds = 0;
  std::int64_t max_runtime_seconds =
      0;  // enforced: what the job's owner says that it takes at most
  plan::Amounts amounts;
  JobSpec spec;  // as durations are learned from it
};

// What a trace does not say: each job's max_runtime_seconds, drawn evenly from its run time to five times that (the f-model
// with f = 4 of A. Mu'alem and D. Feitelson, "Utilization, Predictability, Workloads, and User Runtime Estimates in Scheduling
// the IBM SP2 with Backfilling", IEEE TPDS 12(6), 2001) and rounded up to a time as people give them (D. Tsafrir, Y. Etsion,
// D. Feitelson, "Modeling User Runtime Estimates", JSSPP 2005); the same at each run. And its model type, which stands for
// the kind of its work: pods that ask for the same are of one type.
std::vector<TraceJob> jobs_of(const std::vector<TracePod>& pods);

struct Planning {
  bool backfill = false;
  bool limits_tell = true;  // run times are estimated by the owners' limits, too
};

struct TraceStart {
  Time at{};
  Time
      told_p90{};  // at its submission: the start by which nine of ten should have begun; Time(): none could be told
  bool waited = false;
};

// Of each job, in their order. `room`: what the cluster has, as a quota counts it; every job fits into it. As many jobs
// run at once as there is room for.
std::vector<TraceStart> run_virtually(const std::vector<TraceJob>& jobs, const plan::Amounts& room,
                                      const Planning& planning);

}  // namespace oppen::bench
