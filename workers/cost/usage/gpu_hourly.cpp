#include "workers/cost/usage/gpu_hourly.hpp"

namespace oppen::cost {

std::int64_t gpu_hourly(pricing::Usage usage, Time at, const pricing::CostModel& model) {
  usage.resources.gpus = 1;
  usage.resources.gpu_share.reset();
  usage.resources.cpu_millicores = 0;
  usage.resources.memory_bytes = 0;
  return pricing::hourly(usage, at, model).value;
}

std::int64_t GpuPrices::hourly(const pricing::Usage& usage) {
  const auto& type = usage.gpu_type.empty() ? usage.resources.gpu_type : usage.gpu_type;
  const auto [found, is_new] = known_.try_emplace({type, usage.priority, usage.spot}, 0);
  if (is_new) found->second = gpu_hourly(usage, at_, model_);
  return found->second;
}

}  // namespace oppen::cost
