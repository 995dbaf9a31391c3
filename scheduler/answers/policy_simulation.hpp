#pragma once
// What another value of a policy would do to the queue of a snapshot. Pure; any thread.
#include <optional>
#include <string>

#include "scheduler/answers/snapshot.hpp"

namespace oppen::answers {

// The answer as JSON text: when what waits would start and have run, as it is and with that value. Costs two projections of the whole queue.
// `until`: when the value ends. Of a pause that is played through; the others are taken to have no end, which `until_ignored` in the answer says.
// Errors: refused, for a policy that the projection knows nothing of (quotas, windows and budgets stay as they are in any case); invalid, for a
// value that the policy can't have.
Result<std::string> simulated(const std::string& key, const std::string& value,
                              std::optional<Time> until, const Snapshot& snapshot);

}  // namespace oppen::answers
