#include "workers/anomaly/spend/spending.hpp"

#include <utility>

namespace oppen::anomaly {
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

Note note_of(const PolicyChanged& event) {
  return {NoteKind::price_change, event.effective_from, {}, 0};
}

}  // namespace oppen::anomaly
