#pragma once
// Whether budgets have room for jobs, from the console's answer to `budgets`, and how that reads. Functions without state, any thread.
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "producers/access/console_api.hpp"
#include "schemas/commands.hpp"
#include "schemas/job.hpp"
#include "schemas/units.hpp"

namespace oppen::access {

// A job with what it is estimated to cost.
struct Estimated {
  std::string team;
  std::string project;
  MicroUsd cost;
};

// {"feasible", "estimated_cost_microusd", "budgets": [{"budget_id", "mode", "cost_microusd" (of those jobs that count towards it),
// "used_percent" (with them), "left_microusd" (before them), "fits", ...}]}: of the budgets that any of them counts towards. Those of
// mode soft hold nothing, and make nothing infeasible.
nlohmann::json budget_verdict(const nlohmann::json& budgets, const std::vector<Estimated>& jobs);

// Other ways to run the same jobs, each with its changes as job.amend has them: a batch twice as large, the off-peak window, spot. What
// they are like already is left out.
struct Alternative {
  nlohmann::json changes;
  std::vector<JobSpec> jobs;
};
std::vector<Alternative> alternatives_of(const std::vector<JobSpec>& jobs);

// The console's simulation of these jobs, without what becomes of others. Errors: refused or invalid, the console's sentence of why they
// would not be queued; of the console.
Result<nlohmann::json> simulate_batch(const Questions& console, const BatchSubmit& batch);

// What they are estimated to cost by it, each.
std::vector<Estimated> estimated(const BatchSubmit& batch, const nlohmann::json& simulation);

// The verdict of `budgets` on these jobs as they are, by their simulation, and, where they don't fit, on each alternative that would be
// taken in.
nlohmann::json check_budgets(const Questions& console, const BatchSubmit& batch,
                             const nlohmann::json& simulation, const nlohmann::json& budgets);

// The verdict, with "alternatives" [{"changes","estimated_cost_microusd","feasible"}] where there are any, as a person reads it.
std::string verdict_text(const nlohmann::json& verdict, int width);

// The console's answer to `budgets`, as a table.
std::string budgets_text(const nlohmann::json& budgets, int width);

}  // namespace oppen::access
