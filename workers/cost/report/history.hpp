#pragma once
// What finished runs of a model type say about how long the next one takes: the scheduler's own estimate (scheduler/plan/durations.hpp,
// which names the method and its source) from the run records instead of from the queue. Pure; any thread.
#include <span>

#include "scheduler/plan/durations.hpp"
#include "workers/cost/books/records.hpp"

namespace oppen::cost {

struct Learned {
  plan::Durations durations;
  int runs = 0;       // that are in it
  bool alike = true;  // false: on other numbers of GPUs, as there are none on this one
};

// Whether a run did this kind of work (workload_type) on as many GPUs, or the same share of one.
bool on_as_many(const RunRecord& run, const JobSpec& spec);

// From those runs of `history` (the latest first, as Books gives it) that are of the spec's workload type and held as many GPUs; where there
// are none, from those of its workload type. Runs that succeeded at their first attempt count: of others it isn't known how long
// the work took.
Learned learn(std::span<const RunRecord> history, const JobSpec& spec);

// How long a run of this spec takes, as far as is known, if no limit ends it. The scheduler's estimate takes its spread for known; as it is itself
// from few runs, and the same ones at each level, it is widened as much as Student's distribution with that many degrees of freedom
// and two for the prior is wider than the normal one. That this is enough the tests measure.
plan::LogNormal duration_of(const Learned& learned, const JobSpec& spec,
                            const plan::Policy& policy);

// The spec that such a run would have, as far as its duration goes by it.
JobSpec spec_of(const RunRecord& run);

// How many of its latest runs are worth reading: the estimate forgets what is older.
inline constexpr std::size_t history_limit = 64;

}  // namespace oppen::cost
