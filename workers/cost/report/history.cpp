#include "workers/cost/report/history.hpp"

#include <limits>

#include "workers/cost/report/intervals.hpp"

namespace oppen::cost {

JobSpec spec_of(const RunRecord& run) {
  JobSpec spec;
  spec.model_type = run.model_type;
  spec.workload_type = run.workload_type;
  if (run.epochs > 0) spec.epochs = run.epochs;
  if (run.batch_size > 0) spec.batch_size = run.batch_size;
  spec.resources.gpus = run.resources.gpus;
  spec.resources.gpu_share = run.resources.gpu_share;
  spec.resources.gpu_type = run.gpu_type;
  return spec;
}

bool on_as_many(const RunRecord& run, const JobSpec& spec) {
  const auto held = [](const Resources& resources) {
    return resources.gpu_share.value_or(resources.gpus);
  };
  return run.workload_type == spec.workload_type &&
         held(run.resources) == held(plan::resources_of(spec));
}

Learned learn(std::span<const RunRecord> history, const JobSpec& spec) {
  Learned same;
  Learned others;
  others.alike = false;
  for (auto run = history.rbegin(); run != history.rend(); ++run) {
    if (run->state != "succeeded" || run->attempts > 1 || run->workload_type != spec.workload_type)
      continue;
    auto& learned = on_as_many(*run, spec) ? same : others;
    if (!learned.durations.observe(spec_of(*run), false, run->gpu_type, run->run_seconds).empty())
      ++learned.runs;
  }
  return same.runs > 0 || others.runs == 0 ? same : others;
}

plan::LogNormal duration_of(const Learned& learned, const JobSpec& spec,
                            const plan::Policy& policy) {
  auto unlimited = spec;
  unlimited.max_runtime_seconds = std::numeric_limits<std::int64_t>::max();
  const auto estimate = learned.durations.estimate(unlimited, false, policy);
  const double wider =
      learned.runs == 0 ? 1 : students_excess(static_cast<std::size_t>(learned.runs) + 2);
  return {estimate.p50_seconds, estimate.spread * wider, estimate.doubt * wider};
}

}  // namespace oppen::cost
