#include "schemas/telemetry.hpp"

#include "schemas/describe.hpp"

namespace oppen {
namespace {

constexpr forms::Real percent{0, 100};
constexpr forms::Real seconds_above_0{0, 86400, true};

}  // namespace

template <class V>
void describe(V& v, GpuSample& e) {
  v.required("node", e.node, forms::some);
  v.required("gpu_uuid", e.gpu_uuid, forms::some);
  v.required("gpu_index", e.gpu_index, forms::at_least(0));
  v.required("gpu_type", e.gpu_type);
  v.required("sampled_at", e.sampled_at);
  v.required("interval_seconds", e.interval_seconds, seconds_above_0);
  v.required("utilization_percent", e.utilization_percent, percent);
  v.optional("utilization_max_percent", e.utilization_max_percent, percent);
  v.optional("sm_active_percent", e.sm_active_percent, percent);
  v.required("memory_used_mb", e.memory_used_mb, forms::not_negative);
  v.required("memory_total_mb", e.memory_total_mb, forms::not_negative);
  v.required("temperature_celsius", e.temperature_celsius);
  v.required("power_watts", e.power_watts, forms::not_negative);
  v.optional("xid", e.xid, forms::at_least(0));
  v.optional("ecc_errors", e.ecc_errors, forms::at_least(0));
  v.optional("throttle_reasons", e.throttle_reasons);
  v.optional("pod", e.pod);
  v.optional("namespace", e.pod_namespace);
  v.optional("job_id", e.job_id);
  v.optional("attempt", e.attempt, forms::at_least(1));
  v.optional("share", e.share, forms::Real{0, 1, true});
  v.optional("process_memory_mb", e.process_memory_mb, forms::not_negative);
}

template <class V>
void describe(V& v, PodSample& e) {
  v.required("pod", e.pod, forms::some);
  v.required("namespace", e.pod_namespace, forms::some);
  v.required("node", e.node);
  v.optional("job_id", e.job_id);
  v.optional("attempt", e.attempt, forms::at_least(1));
  v.required("sampled_at", e.sampled_at);
  v.required("interval_seconds", e.interval_seconds, seconds_above_0);
  v.required("cpu_cores", e.cpu_cores, forms::not_negative);
  v.required("memory_bytes", e.memory_bytes, forms::at_least(0));
}

OPPEN_EVENT(GpuSample)
OPPEN_EVENT(PodSample)

}  // namespace oppen
