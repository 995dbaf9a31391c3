#include "workers/anomaly/spend/spending.hpp"

#include <utility>

namespace oppen::anomaly {
namespace {

SpentOn spent_on(const JobContext& job, std::string gpu_type, std::string pod_namespace) {
  return {
      job.team,         job.project, job.model_type, std::move(gpu_type), std::move(pod_namespace),
      job.workload_type};
}

}  // namespace

Spending spending_of(std::string id, const CostAccrued& cost) {
  Spending spending;
  spending.id = std::move(id);
  spending.start = cost.interval_start;
  spending.end = cost.interval_end;
  spending.amount = cost.total;
  spending.job_id = cost.job_id.empty() ? cost.run_id : cost.job_id;
  spending.attempt = cost.attempt;
  spending.on = {cost.team,     cost.project,       cost.model_type,
                 cost.gpu_type, cost.pod_namespace, cost.workload_type};
  if (cost.gpus.value_or(0) > 0)
    spending.units = *cost.gpus;
  else if (cost.cpu_cores.value_or(0) > 0)
    spending.units = *cost.cpu_cores;
  spending.time_multiplier = cost.multipliers.time;
  spending.spot = cost.multipliers.spot != 1;
  return spending;
}

Note note_of(const JobQueued& event, Time at) {
  return {NoteKind::queued, at, spent_on(event.job, event.job.resources.gpu_type, ""),
          event.job.resources.gpus};
}

Note note_of(const JobStarted& event) {
  return {NoteKind::started, event.started_at,
          spent_on(event.job, event.gpu_type, event.pod_namespace), event.job.resources.gpus};
}

Note note_of(const JobRequeued& event, Time at) {
  return {NoteKind::requeued, at, spent_on(event.job, event.end.gpu_type, event.end.pod_namespace),
          event.job.resources.gpus};
}

Note note_of(const JobFailed& event, Time at) {
  return {NoteKind::failed, at, spent_on(event.job, event.end.gpu_type, event.end.pod_namespace),
          event.job.resources.gpus};
}

Note note_of(const GpuSample& sample) {
  return {NoteKind::gpu_fault,
          sample.sampled_at,
          {"", "", "", sample.gpu_type, sample.pod_namespace, ""},
          1};
}

Note note_of(const PolicyChanged& event) {
  return {NoteKind::price_change, event.effective_from, {}, 0};
}

}  // namespace oppen::anomaly
