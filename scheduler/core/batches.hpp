#pragma once
// Batches: parts are kept as they come; when all are there the batch is checked and staged by
// BatchStager, and then made visible in one step. All or none. Core's thread.
//
// A batch that was not visible yet when the scheduler died is begun again from its kept parts.
#include <deque>
#include <memory>
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
  // `instance`: of this process, unique among all that ever ran.
  Batches(State& state, Attempts& attempts, std::unique_ptr<BatchStager> stager,
          std::string instance);

  // A part has come. nullopt: handled, and `data` may be taken; a text: why it can't be handled at all (see Intake::handle).
  Result<std::optional<std::string>> receive(const BatchScan& part, std::string& data,
                                             std::int64_t offset);
  // Goes on with what an earlier leader left open.
  Status resume();
  // Rejects what has waited too long for its parts.
  Status tick();
  // Cancels a batch that is not decided yet: it will be rejected. false: there is no such batch, or it is decided.
  Result<bool> cancel_undecided(const JobCancel& command, std::int64_t offset);
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
  Status on_staged(const std::string& batch_id, std::int64_t offset,
                   const BatchStager::Outcome& outcome);
  // Queued, or rejected after all.
  Status decide(const std::string& batch_id, std::int64_t offset,
                const BatchStager::Outcome& outcome);

  State& state_;
  Attempts& attempts_;
  std::unique_ptr<BatchStager> stager_;
  std::string instance_;
  std::unordered_map<std::string, Time> receiving_;  // batch id -> when its parts must be there
  std::deque<std::string> complete_;         // batch ids that wait for the stager, in log order
  std::unordered_set<std::string> resumed_;  // of these what an earlier leader may have begun
  bool staging_ = false;
};

}  // namespace oppen::core
