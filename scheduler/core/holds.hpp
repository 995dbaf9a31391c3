#pragma once
// Queued jobs that wait for something else than their turn: for the off-peak window, for a while after a failed attempt, or for
// other jobs. Each waits in a sorted set of its own (queue::Hold), so that what is held costs a decision nothing. Core's thread.
#include <optional>
#include <string>

#include "scheduler/core/state.hpp"
#include "schemas/commands.hpp"

namespace oppen::core {

// What holds a job that waits for no other job (any more), nor for a repetition.
queue::Hold hold_by_window(const JobSpec& resolved);

// Why a job can't wait for this one, without a subject: "there is no such job"; nullopt: it can.
std::optional<std::string> wrong_dependency(const std::optional<queue::JobRecord>& dependency);

// Why a job with these `after` can't be accepted, naming the first that is wrong; nullopt: it can. `found`: the records of `after`, in
// its order.
std::optional<Refusal> wrong_dependency(const JobSpec& spec,
                                        const std::vector<std::optional<queue::JobRecord>>& found);

// The changes that a job.amend names, in the spec.
void apply_changes(const JobAmend::Changes& changes, JobSpec& spec);

// A job that waits for a window that never opens would wait for ever.
std::optional<Refusal> window_never_opens(const JobSpec& spec, Time now,
                                          const pricing::CostModel& model);

class Holds {
 public:
  explicit Holds(State& state) : state_(state) {}

  // What Redis holds. Errors of all: of the store.
  Status load();

  // Lets go what has been held for long enough; twice a second.
  Status tick();

  // Tells the dependents of ended jobs: they are let go when all that they wait for have succeeded, and fail when one has not. Called
  // after whatever may have ended a job; costs nothing when there is none. Some thousand at a time: false when there are more, and then
  // it is to be called again before anything is launched, so that the last of them is not overtaken by the first.
  Result<bool> settle();

 private:
  bool knows_all();
  Status settle(const std::string& job_id, const std::optional<queue::JobRecord>& job);
  Status let_go(std::vector<queue::JobRecord*> records, const std::string& succeeded,
                queue::Changes& changes);
  void fail_dependent(queue::JobRecord& record, const queue::JobRecord& dependency,
                      queue::Changes& changes);

  State& state_;
};

}  // namespace oppen::core
