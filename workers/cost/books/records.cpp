#include "workers/cost/books/records.hpp"

namespace oppen::cost {

Spent& Spent::operator+=(const Spent& other) {
  gpu_microusd += other.gpu_microusd;
  cpu_microusd += other.cpu_microusd;
  memory_microusd += other.memory_microusd;
  total_microusd += other.total_microusd;
  run_ms += other.run_ms;
  gpu_ms += other.gpu_ms;
  core_ms += other.core_ms;
  gib_ms += other.gib_ms;
  measured_microusd += other.measured_microusd;
  effective_microusd += other.effective_microusd;
  return *this;
}

}  // namespace oppen::cost
