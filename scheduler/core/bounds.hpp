#pragma once
// How long attempts may take at the most, as it is enforced: what backfill relies on. The kubelet ends a pod max_runtime_seconds after it
// has taken it (activeDeadlineSeconds), and gives it its grace to stop; a pod that does not start is given up after the launch timeout.
// Good for one decision: it borrows the policy. One thread.
#include <chrono>
#include <optional>
#include <string>
#include <unordered_map>

#include "scheduler/plan/policy.hpp"
#include "scheduler/queue/record.hpp"
#include "schemas/time.hpp"

namespace oppen::core {

class Bounds {
 public:
  explicit Bounds(const plan::Policy& policy) : policy_(policy) {}

  // From the decision to launch it to its end; 0: not bounded.
  std::int64_t longest_seconds(const JobSpec& resolved);

  // Of a live attempt; Time::max(): not bounded. `delete_by`: when its pod, which is being deleted, is to be gone.
  Time ends_by(const queue::JobRecord& live, std::optional<Time> delete_by, Time now);

 private:
  std::chrono::seconds grace_of(const std::string& model_type);

  const plan::Policy& policy_;
  std::unordered_map<std::string, std::chrono::seconds> graces_;  // by model type
};

}  // namespace oppen::core
