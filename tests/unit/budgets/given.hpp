#pragma once
// Budgets, charges and times, for short.
#include <gtest/gtest.h>

#include "workers/cost/budgets/book.hpp"
#include "workers/cost/budgets/keeper/tally.hpp"

namespace oppen::budgets {

inline Time at(const std::string& rfc3339) { return parse_rfc3339(rfc3339).value(); }

inline BudgetSet budget(const std::string& id, std::int64_t amount,
                        const std::string& mode = "hard", const BudgetSet::Scope& scope = {}) {
  return {id, scope, "month", {amount}, {50, 80, 100}, mode};
}

inline BudgetState state(const std::string& id, std::int64_t spent, Time period_start,
                         const BudgetSet::Scope& scope = {}) {
  BudgetState told;
  told.budget_id = id;
  told.scope = scope;
  told.period = "month";
  told.period_start = period_start;
  told.spent = {spent};
  return told;
}

inline CostAccrued charge(const std::string& job, Time from, std::int64_t total,
                          const std::string& team = "vision") {
  CostAccrued event;
  event.job_id = job;
  event.attempt = 1;
  event.team = team;
  event.project = "ocr";
  event.interval_start = from;
  event.interval_end = from + std::chrono::seconds(30);
  event.total = {total};
  return event;
}

}  // namespace oppen::budgets
