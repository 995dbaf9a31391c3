#pragma once
// What a change would cost and save, by the console's estimates. Functions without state.
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "producers/agent/backend.hpp"
#include "schemas/job.hpp"

namespace oppen::agent {

// A job as it waits, as the console has it, with its spec.
struct WaitingJob {
  JobSpec spec;
  nlohmann::json told;
};
// Errors: not_found; refused, where it doesn't wait any more; of the console.
Result<WaitingJob> waiting_job(const Backend& backend, const std::string& job_id);

// The spec with the changes of a job.amend.
JobSpec amended(JobSpec spec, const JobAmend::Changes& changes);

// Each spec's entry of the console's comparison, in their order (2 to 100). Errors: invalid, with the console's sentence; of the console.
Result<std::vector<nlohmann::json>> compared(const Backend& backend, std::vector<JobSpec> specs);

// The expected cost of such an entry, in micro-dollars.
std::int64_t expected_cost(const nlohmann::json& configuration);

// What the second costs less than the first: cost_before_microusd, cost_after_microusd, savings_microusd, savings_percent?,
// seconds_before, seconds_after, and what the estimates are from: basis, history_runs.
nlohmann::json priced(const nlohmann::json& before, const nlohmann::json& after);

// The changes as JSON, in the form that a proposal carries (docs/budgets.md).
nlohmann::json amendment(const std::string& job_id, const JobAmend::Changes& changes);

// What the ids of proposals begin with, and no id of a job that an agent submits.
inline constexpr std::string_view proposal_prefix = "opt-";

// Of small letters, digits, - and _: it is part of a command that a human is told to paste. The same for the same changes, so that proposing twice proposes once.
std::string proposal_id_of(const nlohmann::json& changes);

}  // namespace oppen::agent
