#pragma once
// The answer to `budgets`: each with what is spent, committed and left, as the scheduler judges by what runs now, what is kept for jobs that
// wait (queue::Counters::reserved), and what has just ended (QueueView::unseen). Pure.
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/queue/record.hpp"
#include "workers/cost/budgets/keeper/keeper_store.hpp"

namespace oppen::console {

nlohmann::json budgets_json(const std::vector<budgets::BudgetView>& budgets,
                            const std::vector<queue::JobRecord>& live,
                            const std::map<std::string, MicroUsd>& reserved,
                            const std::vector<std::pair<std::string, MicroUsd>>& unseen, Time now);

}  // namespace oppen::console
