#pragma once
// Batches: parts are kept as they come; when all are there the batch is checked and resolved on a
// thread of its own, staged in chunks between other work, and made visible in one step. All or
// none. Core's thread, but for the checking.
//
// A batch that was not visible yet when the scheduler died is begun again from its kept parts.
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "scheduler/core/admission.hpp"
#include "scheduler/core/attempts.hpp"
#include "scheduler/core/state.hpp"
#include "schemas/cloud_event.hpp"
#include "schemas/commands.hpp"
#include "schemas/job_events.hpp"

namespace oppen::core {

class Batches {
 public:
  // `post`: see Attempts.
  Batches(State& state, Attempts& attempts, Attempts::Post post);
  ~Batches();  // waits for the check that runs

  // A part has come. nullopt: handled; a text: why it can't be handled at all (see Intake::handle).
  Result<std::optional<std::string>> receive(const CloudEvent& event, std::int64_t offset);
  // Goes on with what an earlier leader left open.
  Status resume();
  // Rejects what has waited too long for its parts.
  Status tick();
  // Cancels a batch that is not decided yet: it will be rejected. false: there is no such batch, or it is decided.
  Result<bool> cancel_undecided(const JobCancel& command, std::int64_t offset);
  // The jobs of a queued batch; empty when there is no such batch.
  Result<std::vector<std::string>> jobs_of(const std::string& batch_id);

 private:
  struct Header;   // what Redis holds of a batch
  struct Checked;  // what the checking thread found

  Result<std::optional<Header>> load(const std::string& batch_id);
  Status reject(const std::string& batch_id, Header header,
                std::vector<BatchRejected::JobError> errors, queue::Changes changes);
  Status begin(const std::string& batch_id, const Header& header);
  Status check_next();
  Status on_checked(const std::shared_ptr<Checked>& checked);
  Status stage_chunk(std::shared_ptr<Checked> checked, std::size_t first);
  Status publish(const std::shared_ptr<Checked>& checked);
  Status decide(const Checked& checked);

  State& state_;
  Attempts& attempts_;
  Attempts::Post post_;
  std::unordered_map<std::string, Time> receiving_;  // batch id -> when its parts must be there
  std::deque<std::string>
      complete_;  // batch ids that wait for their check, in log order: one at a time is in memory
  bool checking_ = false;
  std::future<void> check_;
};

}  // namespace oppen::core
