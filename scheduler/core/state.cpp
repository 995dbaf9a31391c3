#include "scheduler/core/state.hpp"

#include "scheduler/plan/window.hpp"

namespace oppen::core {

plan::Capacity State::capacity() const {
  plan::Capacity capacity;
  capacity.max_concurrent_jobs = policy->max_concurrent_jobs;
  for (std::size_t i = 0; i < 3; ++i) capacity.ours[i] = counters.usage[i];
  for (const auto& [name, pod] : foreign_pods) capacity.foreign[pod.first] += pod.second;
  capacity.strays = static_cast<std::int64_t>(strays.size());
  capacity.quotas = quotas;
  return capacity;
}

AdmissionRules State::rules() const {
  // Shares no ownership: copying what has been learned for each submission would cost more than judging it.
  const std::shared_ptr<const plan::Durations> borrowed(std::shared_ptr<void>(), &durations);
  return {policy, quotas, limits, nodes.sizes(), borrowed};
}

AdmissionRules State::rules_to_keep() const {
  auto kept = rules();
  kept.durations = std::make_shared<const plan::Durations>(durations);
  return kept;
}

bool State::off_peak(Time now) {
  if (window.model == cost_model && now < window.until) return window.open;
  const auto opens = plan::next_open(now, *cost_model);
  const bool open = opens == now;
  const auto until =
      open ? plan::windows(now, 2, *cost_model).front().closes : opens.value_or(Time::max());
  window = {cost_model, open, until};
  return open;
}

Result<queue::Committed> State::commit(queue::Changes changes) {
  auto committed = store.commit(std::move(changes));
  if (committed) {
    counters = committed->counters;
    settling = settling || committed->settling;
  }
  return committed;
}

}  // namespace oppen::core
