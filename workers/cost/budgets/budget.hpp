#pragma once
// What a budget is: whose costs count towards it, for which stretch of time, and what it says when they grow. Pure functions and plain
// values; any thread. Money in micro-dollars, times in UTC.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "schemas/control.hpp"
#include "schemas/error.hpp"
#include "schemas/time.hpp"

namespace oppen::budgets {

// From `start` up to, and without, `end`: a calendar month or quarter of UTC.
struct Period {
  Time start{};
  Time end{};
  bool operator==(const Period&) const = default;
};
// `kind`: "month" or "quarter". The one that contains `at`.
Period period_at(const std::string& kind, Time at);

// Whether a job of this team and project counts. A scope that names neither takes everything, one that names both takes what has both.
bool covers(const BudgetSet::Scope& scope, const std::string& team, const std::string& project);

// What the form of budget.set can't say: the thresholds ascend. Empty: nothing is wrong.
FieldErrors faults_of(const BudgetSet& set);

// An amount of zero withdraws the budget.
inline bool is_withdrawn(const BudgetSet& set) { return set.amount.value == 0; }

// How many of the thresholds, which ascend, have been reached.
std::size_t reached(const BudgetSet& set, MicroUsd spent);

// "$12.50": to the cent, away from zero.
std::string dollars(MicroUsd amount);

// What a period will have cost at its end.
struct Forecast {
  MicroUsd expected;
  MicroUsd low;
  MicroUsd high;
};
// `days`: what each of the last whole days cost, at most seven, the newest last. With m their mean, s their standard deviation
// (n - 1) and D the days that are left,
//   expected = spent + m D,   low and high = expected -+ 1.96 s sqrt(D (1 + D / n)),   low not below what is spent
// D more draws of the same distribution have the variance s^2 D, and the mean is itself known to s^2 / n, which counts D times:
// D^2 s^2 / n. Source: G. Hahn, W. Meeker, Statistical Intervals, section 4.9 (prediction of the sum of future observations), with
// the normal quantile. With fewer than two days the interval reaches from what is spent to twice the rest.
Forecast forecast(MicroUsd spent, const std::vector<MicroUsd>& days, Time now,
                  const Period& period);

}  // namespace oppen::budgets
