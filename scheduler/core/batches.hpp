#pragma once
// Batches: parts are kept as they come; when all are there the batch is checked and staged by
// BatchStager. Then it is decided (deciding.cpp): its jobs claim their ids, some at a time, and the core does other things in between;
// and when all of them have, the batch is made visible in one step. All or none. Core's thread.
//
// A batch that was not visible yet when the scheduler died is begun again from its kept parts.
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "scheduler/core/attempts.hpp"
#include "scheduler/core/batch_scan.hpp"
#include "scheduler/core/batch_stager.hpp"
#include "scheduler/core/state.hpp"
#include "schemas/commands.hpp"
#include "schemas/job_events.hpp"

namespace oppen::core {

class Batches {
 public:
  // `instance`: of this process, unique among all that ever ran. `post` runs a task on the core's thread later; a task's error ends the
  // term.
  Batches(State& state, Attempts& attempts, std::unique_ptr<BatchStager> stager,
          std::string instance, BatchStager::Post post);
  ~Batches();

  // A part has come. nullopt: handled, and `data` may be taken; a text: why it can't be handled at all (see Intake::handle).
  Result<std::optional<std::string>> receive(const BatchScan& part, std::string& data,
                                             std::int64_t offset);
  // Goes on with what an earlier leader left open.
  Status resume();
  // Rejects what has waited too long for its parts.
  Status tick();
  // Cancels a batch that is not decided yet: it will be rejected. false: there is no such batch, or it is decided.
  Result<bool> cancel_undecided(const JobCancel& command, std::int64_t offset);
  // For a command that names these jobs: when one of them is of the batch that is being decided, it is decided now.
  Status decide_first(std::span<const std::string> job_ids);
  // The jobs of a queued batch; empty when there is no such batch.
  Result<std::vector<std::string>> jobs_of(const std::string& batch_id);

 private:
  Result<std::optional<BatchHeader>> load(const std::string& batch_id);
  Status reject(const std::string& batch_id, BatchHeader header,
                std::vector<BatchRejected::JobError> errors, queue::Changes changes);
  Status begin(const std::string& batch_id);
  // Counts how many processes have begun it; false: too many, and it is rejected.
  Result<bool> begin_again(const std::string& batch_id, BatchHeader header);
  Status stage_next();

  // deciding.cpp
  struct Decision;
  Status on_staged(const std::string& batch_id, std::int64_t offset, BatchStager::Outcome outcome);
  Status go_on();
  Status decided();
  Status step(Decision& decision);
  Status give_up_some(Decision& decision);
  // Whether the batch is still to be queued. What was told of it is left out already.
  Status judge(Decision& decision, std::optional<BatchHeader>& header);

  State& state_;
  Attempts& attempts_;
  std::unique_ptr<BatchStager> stager_;
  std::string instance_;
  BatchStager::Post post_;
  std::unordered_map<std::string, Time> receiving_;  // batch id -> when its parts must be there
  std::deque<std::string> complete_;         // batch ids that wait for the stager, in log order
  std::unordered_set<std::string> resumed_;  // of these what an earlier leader may have begun
  bool staging_ = false;                     // or deciding
  std::shared_ptr<Decision> deciding_;       // what has been staged
};

}  // namespace oppen::core
