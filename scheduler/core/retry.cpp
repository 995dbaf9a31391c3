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

}  // namespace

std::optional<Retry> retry_after(const queue::JobRecord& record, FailureClass failure,
                                 const plan::Policy& policy, Time ended_at) {
  // Without a node nothing of the cluster was at fault: the API server refused it, or no node would have it.
  if (failure == FailureClass::launch && record.node.empty()) return std::nullopt;
  if (is_fault(failure)) {
    const int most = failure == FailureClass::launch
                         ? std::min(most_launch_retries, policy.max_fault_retries)
                         : policy.max_fault_retries;
    if (record.faults < most) return Retry{ended_at};
  }
  const int own_failures = record.attempt - std::min(record.faults, policy.max_fault_retries);
  if (failure == FailureClass::deadline || own_failures > record.spec.max_retries.value_or(0))
    return std::nullopt;
  auto hold = policy.retry_hold_seconds;
  for (int i = 1; i < own_failures && hold < longest_hold_seconds; ++i) hold *= 2;
  return Retry{ended_at + std::chrono::seconds(std::min(hold, longest_hold_seconds))};
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
  record.node.clear();
  record.gpu_type.clear();
  record.pod_uid.clear();
  record.message.clear();
  record.give_up.clear();
  record.launched = false;
}

}  // namespace oppen::core
