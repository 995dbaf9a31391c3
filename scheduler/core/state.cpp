#include "scheduler/core/state.hpp"

namespace oppen::core {

plan::Capacity State::capacity() const {
  plan::Capacity capacity;
  capacity.max_concurrent_jobs = policy->max_concurrent_jobs;
  for (std::size_t i = 0; i < 3; ++i) capacity.ours[i] = counters.usage[i];
  for (const auto& [name, pod] : foreign_pods) capacity.foreign[pod.first] += pod.second;
  capacity.quotas = quotas;
  return capacity;
}

Result<queue::Committed> State::commit(queue::Changes changes) {
  auto committed = store.commit(std::move(changes));
  if (committed) counters = committed->counters;
  return committed;
}

}  // namespace oppen::core
