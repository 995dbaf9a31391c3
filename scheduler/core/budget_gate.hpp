#pragma once
// Which jobs the budgets have room for: of those that begin to wait for their turn, and, once more, of those that could be launched. One gate is
// good for one decision; core's thread. Borrows the state.
#include <vector>

#include "scheduler/core/state.hpp"
#include "workers/cost/budgets/book.hpp"

namespace oppen::core {

// How long what an attempt was estimated at stays counted after its end, if no budget.state comes that contains it: an outage of the
// cost worker that lasts longer lets through what ended before.
inline constexpr std::chrono::hours unseen_kept{1};

// What an attempt that ran from `started` to `ended` is counted with from then on: its estimate, by how long it took.
MicroUsd cost_of_ended(const queue::JobRecord& record, Time started, Time ended);

// Sets the sums of what live attempts are estimated at where they are not what the records add up to: attempts that a version without
// budgets has launched are in no sum. For the beginning of a term, when State::live is read. Errors: of the store.
Status sum_committed(State& state);

// Every budget as it is now; none when none holds jobs. Committed is what live attempts are estimated at and what ended lately. Errors: of
// the store.
Result<std::vector<budgets::Standing>> standings(State& state);
// The same, with what is kept for jobs that wait: what a job that begins to wait has to leave room for.
Result<std::vector<budgets::Standing>> standings_with_reserved(State& state);

// Asks for an approval to run the job beyond this budget, if that helps: once for each budget, period, attempt and estimate. Whether it
// has; the record is to be put then.
bool propose(queue::JobRecord& record, const budgets::Standing& standing, Time now,
             queue::Changes& changes);

// Keeps room for the job in those that hold jobs and cover it, from now on, if there are any.
void keep_room(std::vector<budgets::Standing>& standings, queue::JobRecord& record);

// Whoever begins to wait for his turn, or for the window, and whose estimate is known: room is kept for him, or he waits as Hold::budget where there
// is none, and so stands in nobody's way. `kept`: what is counted of him already; below zero: what is yet to be. The record is to be put then. Errors: of the store.
Status take_in(State& state, queue::JobRecord& record, MicroUsd kept = {});

class BudgetGate {
 public:
  // Errors: of the store.
  static Result<BudgetGate> open(State& state);

  // Takes those out of `jobs` that there is no room for, and has them wait as Hold::budget; how many. `together`: those that stay take
  // room from those behind them, as they will be launched. Errors: of the store.
  Result<std::size_t> hold(std::vector<queue::JobRecord>& jobs, bool together);

  // The script that launches these jobs, which hold() left, is to make sure of it.
  void bind(const std::vector<queue::JobRecord>& jobs, queue::Changes& changes) const;

 private:
  explicit BudgetGate(State& state) : state_(&state) {}

  State* state_;
  std::vector<budgets::Standing> standings_;
  std::vector<std::int64_t> most_;  // of each: what all live attempts may be estimated at
};

}  // namespace oppen::core
