// Budgets of which a threshold is reached, or that are exceeded, as the cost worker tells them.
#include <fmt/format.h>

#include <algorithm>

#include "workers/anomaly/rules/rules.hpp"
#include "workers/cost/budgets/budget.hpp"

template <>
struct nlohmann::adl_serializer<oppen::BudgetSet> : oppen::anomaly::AsData<oppen::BudgetSet> {};
template <>
struct nlohmann::adl_serializer<oppen::BudgetState> : oppen::anomaly::AsData<oppen::BudgetState> {};

namespace oppen::anomaly {
namespace {

struct Budget {
  BudgetSet set;
  std::optional<BudgetState> state;
  Time at{};  // of the state
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Budget, set, state, at)

Labels labels_of(const BudgetSet& set) {
  Labels labels{{"budget", set.budget_id}};
  if (!set.scope.team.empty()) labels["team"] = set.scope.team;
  if (!set.scope.project.empty()) labels["project"] = set.scope.project;
  return labels;
}

class BudgetsTold : public RuleOf<Budget> {
 public:
  BudgetsTold() : RuleOf("budgets") {}

  void take(const Happening& one, const Scene& /*scene*/) override {
    if (const auto* set = std::get_if<BudgetSet>(&one.fact)) {
      if (set->amount.value == 0) return kept_.erase(set->budget_id);
      kept_.at(set->budget_id).set = *set;
    } else if (const auto* state = std::get_if<BudgetState>(&one.fact)) {
      const auto* known = kept_.find(state->budget_id);
      // One that somebody tells late is out of date.
      if (known == nullptr || one.told < known->at) return;
      auto& budget = kept_.at(state->budget_id);
      budget.state = *state;
      budget.at = one.told;
    }
  }

  void look(Time now, const Scene& /*scene*/, std::vector<Finding>& found) override {
    for (const auto& [id, budget] : kept_.all()) {
      const auto& set = budget.set;
      const auto period = budgets::period_at(set.period, now);
      const bool is_told = budget.state && budget.state->period_start == period.start;
      const auto spent = is_told ? budget.state->spent : MicroUsd{};
      const auto percent =
          100 * static_cast<double>(spent.value) / static_cast<double>(set.amount.value);
      double reached = 0;
      for (const auto threshold : set.thresholds) {
        if (threshold <= percent) reached = std::max(reached, threshold);
      }
      auto finding = about("budget_threshold", labels_of(set));
      finding.holds = reached > 0;
      finding.severity = reached >= 80 ? "warning" : "info";
      finding.badness = reached;
      finding.expected = static_cast<double>(set.amount.value) / 1e6;
      finding.actual = static_cast<double>(spent.value) / 1e6;
      finding.summary = fmt::format(
          "Budget {}: {} of {} is spent, {:.0f} % (threshold {:g} %){}", id, to_string(spent),
          to_string(set.amount), percent, reached,
          is_told ? "; foreseen until its end: " + to_string(budget.state->forecast) : "");
      auto exceeded = finding;
      found.push_back(std::move(finding));

      exceeded.kind = "budget_exceeded";
      exceeded.holds = spent > set.amount;
      exceeded.severity = "critical";
      exceeded.badness = percent;
      exceeded.impact = exceeded.holds ? spent - set.amount : MicroUsd{};
      exceeded.summary = fmt::format("Budget {} is exceeded: {} of {} is spent ({:.0f} %)", id,
                                     to_string(spent), to_string(set.amount), percent);
      found.push_back(std::move(exceeded));
    }
  }
};

}  // namespace

std::unique_ptr<Rule> budgets_told() { return std::make_unique<BudgetsTold>(); }

}  // namespace oppen::anomaly
