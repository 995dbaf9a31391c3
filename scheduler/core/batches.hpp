#pragma once
// Batches: parts are kept as they come; when all are there the batch is checked and resolved on a
// thread of its own, staged in chunks between other work, and made visible in one step. All or
// none. Core's thread, but for the checking.
//
// A batch that was not visible yet when the scheduler died is begun again from its kept parts.
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
  Batches(State& state, const Attempts& attempts, Attempts::Post post);
  ~Batches();  // waits for the checks that run

  // A part has come. nullopt: handled; a text: why it can't be handled at all (see Intake::handle).
  Result<std::optional<std::string>> receive(const CloudEvent& event, std::int64_t offset);
  // Goes on with what an earlier leader left open.
  Status resume();
  // Rejects what has waited too long for its parts.
  Status tick();
  // The jobs of a queued batch; empty when there is no such batch.
  Result<std::vector<std::string>> jobs_of(const std::string& batch_id);

 private:
  struct Header;   // what Redis holds of a batch
  struct Checked;  // what the checking thread found

  Result<std::optional<Header>> load(const std::string& batch_id);
  Status reject(const std::string& batch_id, Header header,
                std::vector<BatchRejected::JobError> errors, queue::Changes changes);
  Status begin(const std::string& batch_id, const Header& header);
  Status stage_chunk(std::shared_ptr<Checked> checked, std::size_t first);
  Status publish(const std::shared_ptr<Checked>& checked);

  State& state_;
  const Attempts& attempts_;
  Attempts::Post post_;
  std::unordered_map<std::string, Time> receiving_;  // batch id -> when its parts must be there
  std::vector<std::future<void>> checks_;
};

}  // namespace oppen::core
