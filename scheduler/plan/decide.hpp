#pragma once
// What to launch next, and why the rest waits. Pure: no clock, no I/O; the store's script checks
// versions when the decision is carried out. Any thread.
//
// Strict order: the first job of the highest priority that has any goes next, or everything behind
// it waits with it. Nothing overtakes, so a large job can't be starved by small ones. A job that is
// held stands in nobody's way.
//
// With backfill (EASY), the head that can't be launched gets a reservation: the instant by which what it
// needs is free when every live attempt takes all the time that it is allowed. A job behind it is launched
// when it fits now and either has to end by then or takes only what the head leaves free then; so the
// reservation only ever moves forward, to an earlier instant. Behind the head, a
// decision gives up after `backfill_candidates` jobs that it can't launch.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "scheduler/plan/amounts.hpp"
#include "scheduler/plan/reason.hpp"
#include "schemas/job.hpp"
#include "schemas/time.hpp"

namespace oppen::plan {

// What is taken and what bounds it.
struct Capacity {
  int max_concurrent_jobs = 0;
  Amounts ours[3];  // of live attempts, by priority; pods counts slots
  std::map<std::string, Amounts>
      foreign;  // of pods in the namespace that are not ours, by PriorityClass
  // Pods of attempts that are not live: each takes a slot until it is gone, and what the API server charges for it.
  std::int64_t strays = 0;
  std::vector<Quota> quotas;

  std::int64_t taken_slots() const;
};

// Of "pods", "gpus", "cpu_millicores" or "memory_bytes"; 0 for any other name.
std::int64_t amount_of(const Amounts& amounts, const std::string& resource);
// Whether the quota counts jobs of this priority.
bool applies(const Quota& quota, Priority priority);

// What is taken of a quota: as we count it, or as the API server last said, whichever is more.
std::int64_t taken(const Quota& quota, const std::string& resource, const Capacity& capacity);

// What of the capacity keeps a job from being launched now.
struct Block {
  enum class Reason { waiting_for_slot, quota } reason = Reason::waiting_for_slot;
  std::int64_t slots = 0;  // of waiting_for_slot: all there are, and those that are taken
  std::int64_t taken = 0;
  // Of quota.
  std::string quota;     // its name
  std::string resource;  // "gpus", "cpu_millicores", "memory_bytes", "pods"
  std::int64_t need = 0;
  std::int64_t free = 0;
  std::int64_t allowed = 0;  // in all
  // "waits for a free slot (3 of 3 taken)", "waits for quota ml-training-quota: needs 2 gpus, 1
  // free"
  std::string sentence;
};

// nullopt: it can be launched now.
std::optional<Block> why_not(const Amounts& amounts, Priority priority, const Capacity& capacity);

// The quota that is too small for these amounts even when nothing else is there; nullopt: none is. So with jobs that were taken in
// before the quota was lowered.
std::optional<Block> too_large(const Amounts& amounts, Priority priority,
                               const std::vector<Quota>& quotas);

// The same as a Reason of kind waiting_for_slot or quota.
Reason reason_of(const Block& block);

// Why no pod with these amounts can ever be admitted or find a node, as a sentence that names the bound;
// nullopt: it may. `nodes`: what each node that would do has for pods (of the job's GPU type, where it
// asks for one); none: they are not known, and bound nothing.
std::optional<std::string> never_fits(const Amounts& amounts, Priority priority,
                                      const std::vector<Quota>& quotas, const PodLimits& limits,
                                      const std::vector<Amounts>& nodes = {});

struct WaitingJob {
  Priority priority = Priority::normal;
  Amounts amounts;
  bool held = false;                   // by a dependency, a window, a retry, a budget
  std::int64_t max_runtime_seconds{};  // enforced; 0: unbounded
};

// An attempt that takes a slot.
struct LiveAttempt {
  Priority priority = Priority::normal;
  Amounts amounts;
  Time ends_by{};  // enforced, with everything that an end may take; past: it may end at any moment
};

inline constexpr std::size_t backfill_candidates = 100;

struct Choice {
  std::vector<std::size_t> launch;  // indices of the waiting jobs to launch now, in this order
  std::optional<std::size_t> head;  // the first that is neither held nor launched
  std::optional<Block> block;       // why `head` waits
  // By when it can start. Absent: without backfill, or when no attempt of ours has to give back what it
  // waits for; others then pass only if they leave it all that it needs and that is there.
  std::optional<Time> reserved_at;
};

// `in_order`: the order of launching, from its beginning. `live`: all attempts that `capacity.ours`
// counts; read with backfill alone. O(jobs looked at + live attempts).
Choice decide(const std::vector<WaitingJob>& in_order, const std::vector<LiveAttempt>& live,
              Capacity capacity, Time now, bool backfill);

// How many of `in_order`, none of which is held, are to be launched now without backfill: a prefix, each
// counted into `capacity`. `block` is why the one after it waits.
struct Decision {
  std::size_t launch = 0;
  std::optional<Block> block;
};
Decision decide(const std::vector<WaitingJob>& in_order, Capacity capacity);

}  // namespace oppen::plan
