#include "workers/cost/usage/gpu_hourly.hpp"

namespace oppen::cost {

std::int64_t gpu_hourly(pricing::Usage usage, Time at, const pricing::CostModel& model) {
  usage.resources.gpus = 1;
  usage.resources.gpu_share.reset();
  usage.resources.cpu_millicores = 0;
  usage.resources.memory_bytes = 0;
  return pricing::hourly(usage, at, model).value;
}

}  // namespace oppen::cost
