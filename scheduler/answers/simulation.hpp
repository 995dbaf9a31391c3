#pragma once
// What a batch would do to the queue of a snapshot. One thread at a time.
#include <string>
#include <tl/expected.hpp>

#include "scheduler/answers/batch_check.hpp"
#include "scheduler/answers/snapshot.hpp"
#include "scheduler/plan/played.hpp"

namespace oppen::answers {

// Looks the batch's jobs up, and the others that they wait for: ids that are taken already are faults, and so is to wait for a job that
// isn't there or has ended without success. Whom each waits for is filled in; false: the snapshot
// lacks one of those. Errors: of Redis.
Result<bool> look_up(CheckedBatch& batch, const Snapshot& snapshot, QueueLook& look);

// The answer as JSON text; the fault, when all together cost more than the batch allows. The batch has no faults and was looked up.
// `played`: what becomes of the jobs that wait is not told, and what has been played through of the queue for another answer counts; nullptr: it
// is, which takes twice as long.
tl::expected<std::string, Fault> simulated(const CheckedBatch& batch, const Snapshot& snapshot,
                                           plan::Played* played);

}  // namespace oppen::answers
