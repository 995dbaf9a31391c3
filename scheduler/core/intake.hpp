#pragma once
// Handles the commands of the topic `jobs`: submit, cancel, amend; batches go to Batches. Each
// command is answered by an event, and its effect, its answer and its offset are one commit. Core's
// thread.
#include <optional>
#include <span>
#include <string>

#include "scheduler/core/attempts.hpp"
#include "scheduler/core/batches.hpp"
#include "scheduler/core/command.hpp"
#include "scheduler/core/state.hpp"
#include "scheduler/core/user_limit.hpp"

namespace oppen::core {

class Intake {
 public:
  Intake(State& state, Attempts& attempts, Batches& batches);

  // nullopt: handled, and what was large of the command is taken. A text: why the record can't be handled at all; the caller sets
  // it aside, for which it is left whole, and then calls skip. Errors: of the store.
  Result<std::optional<std::string>> handle(Command& command);
  // The id of the job that is submitted; "" when the command is no submission or its id can't be read.
  static std::string submitted_job(const Command& command);
  // Whether it is the submission of a job that waits for others.
  static bool names_dependencies(const Command& command);
  // Handles submissions of different jobs that follow one another, by one commit.
  Status submit(std::span<const Command* const> commands);
  // Steps over a record that has been set aside.
  Status skip(std::int64_t offset);

 private:
  using Verdict = Result<std::optional<std::string>>;

  // What submissions of one commit share: what each is told depends on those before it.
  struct Joining {
    Outlook outlook;
    UserLimit users;
    queue::Changes changes;
  };
  Status submit_one(const Command& command, const std::string& job_id,
                    const std::optional<queue::JobRecord>& earlier, Joining& joining);
  Status decide_dependencies_first(const Command& command);
  // What holds an admitted job from its turn; a refusal when what it waits for can't come.
  Result<std::optional<Refusal>> hold(queue::JobRecord& record, queue::Changes& changes);
  Status queue_job(queue::JobRecord record, std::int64_t offset, Outlook& outlook,
                   queue::Changes& changes);
  void reject(const Command& command, const std::string& job_id,
              const std::optional<queue::JobRecord>& earlier, const Refusal& refusal, Time now,
              queue::Changes& changes);
  Verdict cancel(const CloudEvent& event, std::int64_t offset);
  // Commits the cancel of these, together with what `changes` holds already.
  Status cancel_jobs(const JobCancel& command, std::span<const std::string> job_ids,
                     std::int64_t offset, queue::Changes changes);
  void cancel_job(const JobCancel& command, const std::string& job_id,
                  std::optional<queue::JobRecord>& found, std::int64_t offset,
                  queue::Changes& changes);
  // Whether one of these is not over.
  Result<bool> any_open(const std::vector<std::string>& job_ids);
  Verdict amend(const CloudEvent& event, std::int64_t offset);
  // As if it had been submitted so, in its place. A refusal: nothing is changed.
  std::optional<Refusal> amend_record(queue::JobRecord& record, const JobAmend& amend);

  State& state_;
  Attempts& attempts_;
  Batches& batches_;
};

}  // namespace oppen::core
