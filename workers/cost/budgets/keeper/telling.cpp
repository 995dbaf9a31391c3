#include "workers/cost/budgets/keeper/telling.hpp"

#include "workers/cost/ledger/ledger.hpp"

namespace oppen::budgets {
namespace {

static_assert(charge_interval == cost::grid);
constexpr int forecast_days = 7;

}  // namespace

void Telling::load(BudgetSet set, std::optional<ToldState> told) {
  const auto id = set.budget_id;
  if (!book_.take(std::move(set))) return;
  auto& one = ones_[id];
  // Something may have been spent, or the budget changed, that an earlier keeper did not come to tell: it is told again.
  one.told = std::move(told);
}

bool Telling::set(const BudgetSet& set) {
  if (!book_.take(set)) return false;
  const auto told = ones_.contains(set.budget_id) ? ones_[set.budget_id].told : std::nullopt;
  ones_.erase(set.budget_id);
  if (book_.sets().contains(set.budget_id)) ones_[set.budget_id].told = told;
  return true;
}

void Telling::spent(const CostAccrued& charge, Time now) {
  for (auto& [id, one] : ones_) {
    const auto& set = book_.sets().at(id);
    if (!covers(set.scope, charge.team, charge.project)) continue;
    one.changed = now;
    if (charge.interval_start >= one.period.start && charge.interval_start < one.period.end)
      one.spent += charge.total;
  }
}

// A period is summed once, when it begins or the budget is new; what comes then is added.
void Telling::turn(const BudgetSet& set, One& one, Time now) const {
  const auto period = period_at(set.period, now);
  if (one.period == period) return;
  one.period = period;
  one.spent = tally_.spent(set.scope, period);
  one.afresh = true;
}

MicroUsd Telling::committed_of(const BudgetSet& set, Time now) const {
  MicroUsd sum;
  for (const auto& commitment : commitments_) {
    if (covers(set.scope, commitment.team, commitment.project)) sum += unspent(commitment, now);
  }
  return sum;
}

BudgetState Telling::state_of(const BudgetSet& set, const One& one, Time now) const {
  const auto end =
      forecast(one.spent, tally_.last_days(set.scope, now, forecast_days), now, one.period);
  BudgetState state;
  state.budget_id = set.budget_id;
  state.scope = set.scope;
  state.period = set.period;
  state.period_start = one.period.start;
  state.spent = one.spent;
  state.forecast = end.expected;
  state.low = end.low;
  state.high = end.high;
  state.committed = committed_of(set, now);
  state.exceeded = one.spent > set.amount;
  return state;
}

std::vector<Telling::Due> Telling::due(Time now) {
  std::vector<Due> all;
  for (auto& [id, one] : ones_) {
    const auto& set = book_.sets().at(id);
    turn(set, one, now);
    bool is_due = one.afresh;
    if (one.told && !is_due) {
      const auto& last = *one.told;
      is_due = reached(set, one.spent) != reached(set, last.state.spent) ||
               (one.spent > set.amount) != last.state.exceeded ||
               (now >= last.at + interval && (one.changed + surely_contained > last.at ||
                                              committed_of(set, now) != last.state.committed));
    }
    if (!is_due) continue;
    all.push_back({state_of(set, one, now),
                   static_cast<double>(one.spent.value) / static_cast<double>(set.amount.value)});
  }
  return all;
}

void Telling::again(const std::string& budget_id) {
  const auto one = ones_.find(budget_id);
  if (one != ones_.end()) one->second.afresh = true;
}

void Telling::told(const BudgetState& state, Time as_of) {
  const auto one = ones_.find(state.budget_id);
  if (one == ones_.end()) return;
  one->second.told = ToldState{state, as_of};
  one->second.afresh = false;
}

}  // namespace oppen::budgets
