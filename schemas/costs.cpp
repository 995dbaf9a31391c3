#include "schemas/costs.hpp"

#include "schemas/describe.hpp"

namespace oppen {
namespace {

bool adds_up(const CostAccrued& e) {
  std::int64_t sum = 0;
  return !__builtin_add_overflow(e.gpu.value, e.cpu.value, &sum) &&
         !__builtin_add_overflow(sum, e.memory.value, &sum) && sum == e.total.value;
}

}  // namespace

template <class V>
void describe(V& v, CostAccrued::Multipliers& e) {
  v.required("time", e.time, forms::not_negative);
  v.required("priority", e.priority, forms::not_negative);
  v.required("spot", e.spot, forms::not_negative);
}

template <class V>
void describe(V& v, CostAccrued& e) {
  v.optional("job_id", e.job_id);
  v.optional("run_id", e.run_id);
  v.required("attempt", e.attempt, forms::at_least(0));
  v.optional("pod", e.pod);
  v.optional("namespace", e.pod_namespace);
  v.required("model_type", e.model_type);
  v.required("workload_type", e.workload_type);
  v.required("team", e.team);
  v.required("project", e.project);
  v.required("gpu_type", e.gpu_type);
  v.required("interval_start", e.interval_start);
  v.required("interval_end", e.interval_end);
  v.required("gpu_microusd", e.gpu);
  v.required("cpu_microusd", e.cpu);
  v.required("memory_microusd", e.memory);
  v.required("total_microusd", e.total);
  v.required("multipliers", e.multipliers, forms::Described{});
  v.defaulted("correction", e.correction, false, forms::Flag{});
  v.defaulted("final", e.final, false, forms::Flag{});
  v.optional("gpus", e.gpus, forms::not_negative);
  v.optional("cpu_cores", e.cpu_cores, forms::not_negative);
  v.optional("memory_bytes", e.memory_bytes, forms::at_least(0));
  v.optional("node", e.node);
  v.check(!e.job_id.empty() || !e.run_id.empty(), "job_id", "a job_id or a run_id");
  v.check(e.interval_start <= e.interval_end, "interval_end", "a time not before interval_start");
  v.check(adds_up(e), "total_microusd",
          "the sum of gpu_microusd, cpu_microusd and memory_microusd");
  const MicroUsd none;
  v.check(e.correction || (e.gpu >= none && e.cpu >= none && e.memory >= none), "correction",
          "true, since an amount is negative");
}

OPPEN_EVENT(CostAccrued)

}  // namespace oppen
