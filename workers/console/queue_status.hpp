#pragma once
// The state of the queue in figures. Pure functions, any thread.
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "scheduler/plan/policy.hpp"
#include "scheduler/queue/reader.hpp"
#include "schemas/time.hpp"

namespace oppen::console {

// The policies in force out of what the scheduler published. fatal when this version can't read
// them.
Result<plan::Policy> policy_in_force(const nlohmann::json& published);

// Seconds until the first of the live jobs should end, by their estimates; 0 when one is overdue.
double next_end_seconds(const std::vector<queue::JobRecord>& live, Time now);

// Everything of GET /api/v1/queue but the jobs. `live` are all live jobs; `leader` is null when
// nobody has led yet.
nlohmann::json queue_status(const queue::Counters& counters, const plan::Policy& policy,
                            const std::vector<queue::JobRecord>& live, const nlohmann::json& leader,
                            Time now);

}  // namespace oppen::console
