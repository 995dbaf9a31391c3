#include "scheduler/core/retry.hpp"

#include <algorithm>

#include "scheduler/core/holds.hpp"

namespace oppen::core {
namespace {

constexpr std::int64_t longest_hold_seconds = 3'600;
constexpr std::size_t most_avoided = 3;
// What does not start on three nodes will not start on a fourth: an image that nobody can pull.
constexpr int most_launch_retries = 2;

bool is_fault(FailureClass failure) {
  return failure == FailureClass::node || failure == FailureClass::lost ||
         failure == FailureClass::preempted || failure == FailureClass::launch;
}

// After so many failures.
std::chrono::seconds hold(int failures, const plan::Policy& policy) {
  auto seconds = policy.retry_hold_seconds;
  for (int i = 1; i < failures && seconds < longest_hold_seconds; ++i) seconds *= 2;
  return std::chrono::seconds(std::min(seconds, longest_hold_seconds));
}

}  // namespace

std::optional<Retry> retry_after(const queue::JobRecord& record, FailureClass failure,
                                 const plan::Policy& policy, Time ended_at) {
  if (failure == FailureClass::launch) {
    // What the API server refuses as it is, it refuses again.
    if (!record.launched ||
        record.faults >= std::min(most_launch_retries, policy.max_fault_retries))
      return std::nullopt;
    // No node had room for it: others go meanwhile.
    return Retry{record.node.empty() ? ended_at + hold(record.faults + 1, policy) : ended_at};
  }
  if (is_fault(failure) && record.faults < policy.max_fault_retries) return Retry{ended_at};
  // A fault beyond these counts as the job's own.
  const int own_failures = record.attempt - std::min(record.faults, policy.max_fault_retries);
  if (failure == FailureClass::deadline || own_failures > record.spec.max_retries.value_or(0))
    return std::nullopt;
  return Retry{ended_at + hold(own_failures, policy)};
}

void take_retry(queue::JobRecord& record, const JobRequeued& event) {
  if (is_fault(event.failure)) {
    record.faults += 1;
    std::erase(record.avoid, event.end.node);
    if (!event.end.node.empty()) record.avoid.push_back(event.end.node);
    if (record.avoid.size() > most_avoided) record.avoid.erase(record.avoid.begin());
  }
  record.hold = event.retry_at ? queue::Hold::retry : hold_by_window(record.spec);
  record.not_before = event.retry_at.value_or(Time{});
  record.ended_at.reset();
  record.started_at.reset();
  record.approved_by.clear();  // what the failed attempt has cost was approved, not another
  record.node.clear();
  record.gpu_type.clear();
  record.pod_uid.clear();
  record.message.clear();
  record.give_up.clear();
  record.launched = false;
}

}  // namespace oppen::core
