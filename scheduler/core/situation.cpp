#include "scheduler/core/situation.hpp"

#include "scheduler/core/attempts.hpp"
#include "scheduler/core/bounds.hpp"
#include "scheduler/core/budget_gate.hpp"

namespace oppen::core {
namespace {

float part(int permille) { return static_cast<float>(permille) / 1000; }

}  // namespace

Situation Attempts::situation() const {
  Situation situation;
  situation.at = now();
  situation.capacity = state_.capacity();
  situation.policy = state_.policy;
  situation.cost_model = state_.cost_model;
  situation.overhead = state_.durations.overhead();
  situation.paused_until = state_.paused_until;
  if (auto budgets = standings_with_reserved(state_)) situation.budgets = std::move(*budgets);
  if (probing_) situation.held = head_waits_;
  situation.running.reserve(state_.live.size());
  situation.live.reserve(state_.live.size());
  Bounds bounds(*state_.policy);
  for (const auto& [job_id, record] : state_.live) {
    const auto due = delete_by_.find(job_id);
    const auto delete_by = due == delete_by_.end() ? std::nullopt : std::optional(due->second);
    plan::Running running;
    running.priority = record.priority;
    running.amounts = record.amounts();
    running.p50_seconds = static_cast<float>(record.estimated_seconds);
    running.spread =
        part(record.spread_permille > 0 ? record.spread_permille : unknown_spread_permille);
    running.doubt = part(record.doubt_permille);
    running.launched_at = record.launching_at;
    running.started_at = record.started_at.value_or(situation.at);
    running.ends_by = bounds.ends_by(record, delete_by, situation.at);
    situation.running.push_back(running);
    situation.live.push_back({job_id, record.priority, record.place});
  }
  return situation;
}

}  // namespace oppen::core
