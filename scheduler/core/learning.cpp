#include "scheduler/core/learning.hpp"

#include <algorithm>

#include "workers/runtime/log.hpp"

namespace oppen::core {
namespace {

// An end that is noticed later than this was told when a scheduler was there again, which says nothing of other attempts.
constexpr double most_notice_seconds = 10;

}  // namespace

Status load_durations(State& state) {
  const auto cells = state.store.durations();
  if (!cells) return fail(cells.error());
  for (const auto& [cell, text] : *cells) {
    if (!state.durations.load(cell, text))
      spdlog::warn("what Redis holds of the durations of {} can't be read: learned anew", cell);
  }
  return {};
}

void learn(State& state, const queue::JobRecord& record, const AttemptEnd& end, Time told,
           queue::Changes& changes) {
  if (!end.duration_seconds) return;
  const auto store = [&](std::vector<plan::Durations::Change> learned) {
    for (auto& change : learned) changes.duration(std::move(change.key), std::move(change.text));
  };
  store(
      state.durations.observe(record.spec, record.own_limit, end.gpu_type, *end.duration_seconds));
  if (record.launching_at == Time{} || !end.started_at || !end.ended_at) return;
  const double until_start = Seconds(*end.started_at - record.launching_at).count();
  const double until_told = Seconds(told - *end.ended_at).count();
  store(state.durations.observe_overhead(until_start + std::min(until_told, most_notice_seconds)));
}

}  // namespace oppen::core
