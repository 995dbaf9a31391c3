#pragma once
// Handles the commands of the topic `jobs`: submit, cancel, amend; batches go to Batches. Each
// command is answered by an event, and its effect, its answer and its offset are one commit. Core's
// thread.
#include <optional>
#include <string>

#include "scheduler/core/attempts.hpp"
#include "scheduler/core/batches.hpp"
#include "scheduler/core/command.hpp"
#include "scheduler/core/state.hpp"

namespace oppen::core {

class Intake {
 public:
  Intake(State& state, Attempts& attempts, Batches& batches);

  // nullopt: handled. A text: why the record can't be handled at all; the caller sets it aside and
  // then calls skip. Errors: of the store.
  Result<std::optional<std::string>> handle(const Command& command);
  // Steps over a record that has been set aside.
  Status skip(std::int64_t offset);

 private:
  using Verdict = Result<std::optional<std::string>>;

  Verdict submit(const CloudEvent& event, std::int64_t offset);
  Verdict cancel(const CloudEvent& event, std::int64_t offset);
  Status cancel_job(const JobCancel& command, const std::string& job_id, std::int64_t offset,
                    queue::Changes& with_offset);
  // Whether one of these is not over.
  Result<bool> any_open(const std::vector<std::string>& job_ids);
  Verdict amend(const CloudEvent& event);
  Status queue_job(queue::JobRecord record, std::int64_t offset);
  Status reject(const nlohmann::json& data, const std::string& job_id,
                const std::optional<queue::JobRecord>& earlier, const Refusal& refusal,
                std::int64_t offset);
  Status duplicate(const queue::JobRecord& first, bool conflict, std::int64_t offset);

  State& state_;
  Attempts& attempts_;
  Batches& batches_;
};

}  // namespace oppen::core
