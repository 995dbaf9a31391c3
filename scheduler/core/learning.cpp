#include "scheduler/core/learning.hpp"

#include "workers/runtime/log.hpp"

namespace oppen::core {

Status load_durations(State& state) {
  const auto cells = state.store.durations();
  if (!cells) return fail(cells.error());
  for (const auto& [cell, text] : *cells) {
    if (!state.durations.load(cell, text))
      spdlog::warn("what Redis holds of the durations of {} can't be read: learned anew", cell);
  }
  return {};
}

void learn(State& state, const queue::JobRecord& record, const std::string& gpu_type,
           double seconds, queue::Changes& changes) {
  for (auto& change : state.durations.observe(record.spec, record.own_limit, gpu_type, seconds))
    changes.duration(std::move(change.key), std::move(change.text));
}

void learn(State& state, const queue::JobRecord& record, const JobSucceeded& event,
           queue::Changes& changes) {
  if (!event.end.duration_seconds) return;
  learn(state, record, event.end.gpu_type, *event.end.duration_seconds, changes);
}

}  // namespace oppen::core
