#pragma once
// Whether a job whose attempt failed is tried again, and when. Pure; any thread.
//
// Faults that are not the job's own (node, lost, preempted) cost nothing of its max_retries up to a bound of their own, and one each above
// it; launch faults cost nothing and end at theirs. So nothing is tried for ever, and the next attempt prefers other nodes. A pod that no
// node took is tried after a hold that doubles. What the program did (user_error, oom) costs one, and is tried after such a hold, too. A
// deadline is not tried again, nor is what the API server refuses as it is.
#include <optional>

#include "scheduler/plan/policy.hpp"
#include "scheduler/queue/record.hpp"
#include "schemas/job_events.hpp"

namespace oppen::core {

struct Retry {
  Time not_before{};
};

// `record`: of the attempt that has ended; nullopt: it is not tried again.
std::optional<Retry> retry_after(const queue::JobRecord& record, FailureClass failure,
                                 const plan::Policy& policy, Time ended_at);

// Makes a queued record of it, ready for the next attempt, as the event tells: also when it is read again from the log.
void take_retry(queue::JobRecord& record, const JobRequeued& event);

}  // namespace oppen::core
