#pragma once
// A change as a proposal carries it, and what it would do. Functions without state.
#include <nlohmann/json.hpp>
#include <optional>

#include "producers/agent/tool.hpp"

namespace oppen::agent {

// Of one waiting job or of one policy: exactly one of both is there.
struct Changes {
  std::optional<JobAmend> amend;
  std::optional<PolicyOverride> policy;
};

// The JSON Schema of such changes as arguments, and an example.
nlohmann::json changes_schema();
nlohmann::json example_changes();

// Failures: invalid, naming the fields; of a policy's value what the scheduler would say of it alone.
tl::expected<Changes, Failure> checked_changes(nlohmann::json changes, Time now);

// On the queue and the costs as they are now; of priced()'s form where it is of a job. Failures: not_found, refused (the job does not wait,
// or the scheduler's projection knows nothing of the policy); of the console.
Outcome simulated(const Backend& backend, const Changes& changes);

}  // namespace oppen::agent
