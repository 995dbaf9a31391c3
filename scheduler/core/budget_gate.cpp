#include "scheduler/core/budget_gate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "scheduler/core/events.hpp"
#include "schemas/control.hpp"
#include "workers/cost/budgets/unseen.hpp"

namespace oppen::core {
namespace {

using budgets::Standing;
using queue::JobRecord;

bool holds_back(const Standing& standing, const JobRecord& record) {
  const auto& mode = standing.set.mode;
  return mode == "hard" || (mode == "approval" && record.approved_by.empty());
}

bool counts(const Standing& standing, const JobRecord& record) {
  return budgets::covers(standing.set.scope, record.spec.team, record.spec.project);
}

queue::OutboxEntry proposal(const JobRecord& record, const Standing& standing, Time now) {
  const auto& job_id = record.spec.job_id;
  ProposalCreated event;
  event.proposal_id = job_id;
  event.kind = "budget_approval";
  event.summary = fmt::format("Run job {} beyond budget {}: {}", job_id, standing.set.budget_id,
                              budgets::sentence(standing, record.estimated_cost));
  event.changes = {{"job_id", job_id}};
  event.evidence = {{"budget_id", standing.set.budget_id},
                    {"amount_microusd", standing.set.amount.value},
                    {"spent_microusd", standing.spent.value},
                    {"committed_microusd", standing.committed.value},
                    {"estimated_cost_microusd", record.estimated_cost.value}};
  event.expires_at = standing.period.end;
  return entry(topics::control, job_id, fmt::format("proposal/{}/{}", job_id, record.proposed),
               event, now);
}

}  // namespace

MicroUsd cost_of_ended(const JobRecord& record, Time started, Time ended) {
  if (record.estimated_seconds <= 0) return record.estimated_cost;
  const double part = Seconds(ended - started).count() / record.estimated_seconds;
  return {std::llround(static_cast<double>(record.estimated_cost.value) * std::max(0.0, part))};
}

Status sum_committed(State& state) {
  std::map<std::string, std::int64_t> sums;
  for (const auto& [pair, sum] : state.counters.committed) sums[pair] = 0;
  for (const auto& [job_id, record] : state.live)
    sums[queue::pair_of(record.spec.team, record.spec.project)] += record.estimated_cost.value;
  queue::Changes changes;
  for (const auto& [pair, sum] : sums) {
    const auto known = state.counters.committed.find(pair);
    if ((known == state.counters.committed.end() ? 0 : known->second.value) != sum)
      changes.committed(pair, {sum});
  }
  if (changes.empty()) return {};
  return state.commit(std::move(changes)).map([](auto&&) {});
}

bool propose(JobRecord& record, const Standing& standing, Time now, queue::Changes& changes) {
  if (standing.set.mode != "approval" || !standing.summed) return false;
  auto what = fmt::format("{}/{}/{}/{}", standing.set.budget_id, to_rfc3339(standing.period.start),
                          record.attempt, record.estimated_cost.value);
  if (record.proposed == what) return false;
  record.proposed = std::move(what);
  changes.event(proposal(record, standing, now));
  return true;
}

namespace {

Result<std::vector<Standing>> standings_with(State& state,
                                             const std::map<std::string, MicroUsd>& reserved) {
  std::vector<Standing> found;
  if (!state.budgets.holds()) return found;
  const auto unseen = state.store.unseen();
  if (!unseen) return fail(unseen.error());
  std::vector<budgets::Commitment> commitments;
  commitments.reserve(state.live.size() + unseen->size());
  for (const auto& [job_id, record] : state.live) {
    commitments.push_back({record.spec.team, record.spec.project, record.estimated_cost,
                           record.estimated_seconds, record.started_at, std::nullopt});
  }
  for (const auto& [field, cost] : *unseen) {
    if (auto commitment = budgets::read_unseen(field, cost))
      commitments.push_back(std::move(*commitment));
  }
  for (const auto& [pair, cost] : reserved) {
    if (auto commitment = budgets::read_reserved(pair, cost))
      commitments.push_back(std::move(*commitment));
  }
  return state.budgets.standings(commitments, state.clock.now());
}

}  // namespace

Result<std::vector<Standing>> standings(State& state) { return standings_with(state, {}); }

Result<std::vector<Standing>> standings_with_reserved(State& state) {
  return standings_with(state, state.counters.reserved);
}

void keep_room(std::vector<Standing>& standings, JobRecord& record) {
  for (auto& standing : standings) {
    if (standing.set.mode == "soft" || !counts(standing, record)) continue;
    standing.committed += record.estimated_cost;
    record.reserved = true;
  }
}

Status take_in(State& state, JobRecord& record, MicroUsd kept) {
  record.reserved = false;
  if (record.hold != queue::Hold::none && record.hold != queue::Hold::window) return {};
  if (!state.budgets.holds()) return {};
  if (!state.rooms) {
    auto found = standings_with_reserved(state);
    if (!found) return fail(found.error());
    state.rooms = std::move(*found);
  }
  auto& rooms = *state.rooms;
  for (auto& room : rooms) {
    if (counts(room, record)) room.committed.value -= kept.value;
  }
  const auto* const full = budgets::in_the_way(rooms, record.spec.team, record.spec.project,
                                               record.estimated_cost, !record.approved_by.empty());
  // Of the room that there is, those that were held before have the first choice.
  const bool others = kept.value <= 0 && std::any_of(rooms.begin(), rooms.end(), [&](auto& room) {
                        return counts(room, record) && holds_back(room, record) &&
                               state.held_by.contains(room.set.budget_id);
                      });
  if (full == nullptr && !others) {
    keep_room(rooms, record);
    return {};
  }
  record.hold = queue::Hold::budget;
  if (full != nullptr) state.held_by[full->set.budget_id] = state.looks;
  state.held_for_budget = true;  // and proposed when it is looked at
  return {};
}

Result<BudgetGate> BudgetGate::open(State& state) {
  auto found = standings(state);
  if (!found) return fail(found.error());
  BudgetGate gate(state);
  gate.standings_ = std::move(*found);
  for (const auto& standing : gate.standings_) {
    auto most = standing.room();
    for (const auto& [pair, cost] : state.counters.committed) {
      const auto space = pair.find(' ');
      if (budgets::covers(standing.set.scope, queue::user_of(pair.substr(0, space)),
                          queue::user_of(pair.substr(space + 1)))) {
        most += cost.value;
      }
    }
    gate.most_.push_back(most);
  }
  return gate;
}

Result<std::size_t> BudgetGate::hold(std::vector<JobRecord>& jobs, bool together) {
  std::vector<JobRecord> kept;
  queue::Changes changes;
  const auto now = state_->clock.now();
  for (auto& record : jobs) {
    const auto* const full =
        budgets::in_the_way(standings_, record.spec.team, record.spec.project,
                            record.estimated_cost, !record.approved_by.empty());
    if (full != nullptr) {
      record.hold = queue::Hold::budget;
      record.reserved = false;
      state_->held_by[full->set.budget_id] = state_->looks;
      propose(record, *full, now, changes);
      changes.put(record);
      continue;
    }
    for (auto& standing : standings_) {
      if (together && counts(standing, record)) standing.committed += record.estimated_cost;
    }
    kept.push_back(std::move(record));
  }
  const auto held = jobs.size() - kept.size();
  jobs = std::move(kept);
  if (held == 0) return held;
  state_->held_for_budget = true;  // what was in its way may be gone before the next look
  if (auto committed = state_->commit(std::move(changes)); !committed)
    return fail(committed.error());
  return held;
}

void BudgetGate::bind(const std::vector<JobRecord>& jobs, queue::Changes& changes) const {
  for (std::size_t i = 0; i < standings_.size(); ++i) {
    const auto& standing = standings_[i];
    bool held_back = false;
    auto most = most_[i];
    for (const auto& record : jobs) {
      if (!counts(standing, record)) continue;
      if (holds_back(standing, record)) {
        held_back = true;
      } else {
        most += record.estimated_cost.value;  // it goes whether there is room or not
      }
    }
    if (held_back) changes.within(standing.set.scope.team, standing.set.scope.project, most);
  }
}

}  // namespace oppen::core
