#pragma once
// Checks a whole batch and puts its jobs aside in Redis, not visible yet, on a thread and a connection
// of its own: the core goes on meanwhile. Goes through the parts twice, first for what is wrong and for
// what goes before what, then to write, so that memory holds one part's text and the jobs' ids; of a small batch the jobs themselves, once.
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "scheduler/core/admission.hpp"
#include "scheduler/core/batch_header.hpp"
#include "scheduler/core/estimates.hpp"
#include "scheduler/queue/store.hpp"
#include "schemas/control.hpp"
#include "schemas/job_events.hpp"

namespace oppen::core {

class BatchStager {
 public:
  struct Work {
    std::string batch_id;
    BatchHeader header;  // complete: every part is in Redis
    AdmissionRules rules;
    Outlook outlook;
    std::int64_t control_from = -1;  // of its records
    std::vector<BudgetSet::Scope> held_by =
        {};  // budgets: what they cover waits for them until it is judged
  };
  struct Outcome {
    std::vector<BatchRejected::JobError> errors;  // not empty: nothing is staged
    queue::StagedBatch staged;
    MicroUsd total_cost;
    // Once it is queued: its record, and its event.
    std::string record;
    queue::OutboxEntry event;
  };
  using Post = std::function<void(std::function<Status()>)>;

  // `post` runs a task on the core's thread; a task's error ends the term.
  BatchStager(std::unique_ptr<runtime::Redis> redis, const std::string& topic_prefix,
              std::int64_t epoch, Post post);
  ~BatchStager();  // leaves the work at hand where it is: it can be begun again

  // One at a time: the next may begin when `done` is called, on the core's thread.
  void start(Work work, std::function<Status(Outcome)> done);

 private:
  struct Ahead;  // of a job in its batch
  struct Plan;   // what check() finds for stage()
  Result<Outcome> run(const Work& work, const std::stop_token& stop);
  // Gives each job of the batch with its index; "", or what is missing of the batch.
  using Take = std::function<Status(int index, const tl::expected<JobSpec, FieldErrors>& job)>;
  Result<std::string> each_job(const Work& work, const std::stop_token& stop, const Take& take);
  Status check(const Work& work, const std::stop_token& stop, Outcome& outcome, Plan& plan);
  Status stage(const Work& work, const std::stop_token& stop, Outcome& outcome, Plan plan);

  std::unique_ptr<runtime::Redis> redis_;
  queue::QueueStore store_;
  Post post_;
  std::jthread thread_;
};

}  // namespace oppen::core
