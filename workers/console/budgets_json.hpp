#pragma once
// The answer to `budgets`: each with what is spent, committed and left, as the scheduler judges by what runs now and what has just ended (QueueView::unseen). Pure.
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "scheduler/queue/record.hpp"
#include "workers/cost/budgets/keeper/keeper_store.hpp"

namespace oppen::console {

nlohmann::json budgets_json(const std::vector<budgets::BudgetView>& budgets,
                            const std::vector<queue::JobRecord>& live,
                            const std::vector<std::pair<std::string, MicroUsd>>& unseen, Time now);

}  // namespace oppen::console
