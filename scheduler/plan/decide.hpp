#pragma once
// What to launch next, and why the rest waits. Pure: no clock, no I/O; the store's script checks
// versions when the decision is carried out. Any thread.
//
// Strict order: the first job of the highest priority that has any goes next, or everything behind
// it waits with it. Nothing overtakes, so a large job can't be starved by small ones.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "scheduler/plan/amounts.hpp"
#include "schemas/job.hpp"

namespace oppen::plan {

// What is taken and what bounds it.
struct Capacity {
  int max_concurrent_jobs = 0;
  Amounts ours[3];  // of live attempts, by priority; pods counts slots
  std::map<std::string, Amounts>
      foreign;  // of pods in the namespace that are not ours, by PriorityClass
  std::vector<Quota> quotas;

  Amounts ours_total() const;
};

// Of "pods", "gpus", "cpu_millicores" or "memory_bytes"; 0 for any other name.
std::int64_t amount_of(const Amounts& amounts, const std::string& resource);
// Whether the quota counts jobs of this priority.
bool applies(const Quota& quota, Priority priority);

// Why a job can't be launched now.
struct Block {
  enum class Reason { waiting_for_slot, quota } reason = Reason::waiting_for_slot;
  std::string quota;     // its name
  std::string resource;  // "gpus", "cpu_millicores", "memory_bytes", "pods"
  std::int64_t need = 0;
  std::int64_t free = 0;
  // "waits for a free slot (3 of 3 taken)", "waits for quota ml-training-quota: needs 2 gpus, 1
  // free"
  std::string sentence;
};

// nullopt: it can be launched now.
std::optional<Block> why_not(const Amounts& amounts, Priority priority, const Capacity& capacity);

// Why no pod with these amounts can ever be admitted, as a sentence that names the bound; nullopt:
// it may.
std::optional<std::string> never_fits(const Amounts& amounts, Priority priority,
                                      const std::vector<Quota>& quotas, const PodLimits& limits);

struct WaitingJob {
  Priority priority = Priority::normal;
  Amounts amounts;
};

// How many of `in_order` (the order of launching) are to be launched now: a prefix, each counted
// into `capacity`. `block` is why the one after it waits.
struct Decision {
  std::size_t launch = 0;
  std::optional<Block> block;
};
Decision decide(const std::vector<WaitingJob>& in_order, Capacity capacity);

}  // namespace oppen::plan
