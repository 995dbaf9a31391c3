#pragma once
// What another value of a policy would do to the queue of a snapshot. Pure; any thread.
#include <string>

#include "scheduler/answers/snapshot.hpp"

namespace oppen::answers {

// The answer as JSON text: when what waits would start and have run, as it is and with that value. Costs two projections of the whole queue.
// Errors: refused, for a policy that the projection knows nothing of (quotas, windows and budgets stay as they are in any case); invalid, for a
// value that the policy can't have.
Result<std::string> simulated(const std::string& key, const std::string& value,
                              const Snapshot& snapshot);

}  // namespace oppen::answers
