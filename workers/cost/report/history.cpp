#include "workers/cost/report/history.hpp"

#include "workers/cost/report/intervals.hpp"

namespace oppen::cost {

JobSpec spec_of(const RunRecord& run) {
  JobSpec spec;
  spec.model_type = run.model_type;
  spec.workload_type = run.workload_type;
  if (run.epochs > 0) spec.epochs = run.epochs;
  if (run.batch_size > 0) spec.batch_size = run.batch_size;
  spec.resources.gpu_type = run.gpu_type;
  return spec;
}

Learned learn(std::span<const RunRecord> history) {
  Learned learned;
  for (auto run = history.rbegin(); run != history.rend(); ++run) {
    if (run->state != "succeeded" || run->attempts > 1) continue;
    if (!learned.durations.observe(spec_of(*run), false, run->gpu_type, run->run_seconds).empty())
      ++learned.runs;
  }
  return learned;
}

plan::LogNormal duration_of(const Learned& learned, const JobSpec& spec,
                            const plan::Policy& policy) {
  const auto estimate = learned.durations.estimate(spec, false, policy);
  const double wider =
      learned.runs == 0 ? 1 : students_excess(static_cast<std::size_t>(learned.runs) + 2);
  return {estimate.p50_seconds, estimate.spread * wider, estimate.doubt * wider};
}

}  // namespace oppen::cost
