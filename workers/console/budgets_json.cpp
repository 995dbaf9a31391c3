#include "workers/console/budgets_json.hpp"

#include <nlohmann/json.hpp>

#include "schemas/parse.hpp"
#include "workers/cost/budgets/unseen.hpp"

namespace oppen::console {

using nlohmann::json;

json budgets_json(const std::vector<budgets::BudgetView>& budgets,
                  const std::vector<queue::JobRecord>& live,
                  const std::map<std::string, MicroUsd>& reserved,
                  const std::vector<std::pair<std::string, MicroUsd>>& unseen, Time now) {
  budgets::Book book;
  std::map<std::string, const budgets::ToldState*> told;
  for (const auto& view : budgets) {
    if (!book.take(view.set) || !view.told) continue;
    book.take(view.told->state, view.told->at);
    told[view.set.budget_id] = &*view.told;
  }
  std::vector<budgets::Commitment> commitments;
  for (const auto& record : live) {
    commitments.push_back({record.spec.team, record.spec.project, record.estimated_cost,
                           record.estimated_seconds, record.started_at, std::nullopt});
  }
  for (const auto& [field, cost] : unseen) {
    if (auto ended = budgets::read_unseen(field, cost)) commitments.push_back(std::move(*ended));
  }
  for (const auto& [pair, cost] : reserved) {
    if (auto kept = budgets::read_reserved(pair, cost)) commitments.push_back(std::move(*kept));
  }
  json all = json::array();
  for (const auto& standing : book.standings(commitments, now)) {
    json one = to_data(standing.set);
    one["period_start"] = to_rfc3339(standing.period.start);
    one["period_end"] = to_rfc3339(standing.period.end);
    one["spent_microusd"] = standing.spent.value;
    one["committed_microusd"] = standing.committed.value;
    one["left_microusd"] = standing.room();
    one["summed"] = standing.summed;
    one["exceeded"] = standing.spent > standing.set.amount;
    const auto known = told.find(standing.set.budget_id);
    if (known != told.end() && known->second->state.period_start == standing.period.start) {
      one["forecast_microusd"] = known->second->state.forecast.value;
      one["low"] = known->second->state.low.value;
      one["high"] = known->second->state.high.value;
      one["as_of"] = to_rfc3339(known->second->at);
    }
    all.push_back(std::move(one));
  }
  return {{"budgets", std::move(all)}};
}

}  // namespace oppen::console
