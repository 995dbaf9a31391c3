#pragma once
// What the scheduler says on the topic `job-events`. Each event carries the job's whole context and
// a `seq` that grows by one with each event of the job, so that a consumer needs no join and drops
// what comes twice or late.
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/job.hpp"
#include "schemas/time.hpp"

namespace oppen {

struct JobContext {
  std::string job_id;
  std::int64_t seq = 0;  // from 1
  int attempt = 0;       // from 1; 0 before the first
  JobState state = JobState::queued;
  std::string name;
  std::string model_type;
  std::string workload_type;
  Priority priority = Priority::normal;
  std::string team;
  std::string project;
  std::string user;
  std::string batch_id;  // "" (absent in JSON) when the job came alone
  Resources resources;   // resolved
  bool spot = false;
  int epochs = 0;
  int batch_size = 0;
};

// Where an attempt ran and for how long; `started_at` and `duration_seconds` are absent when its
// container never began.
struct AttemptEnd {
  std::string pod;
  std::string pod_namespace;  // JSON "namespace"
  std::string node;
  std::string gpu_type;
  std::optional<Time> started_at;
  std::optional<Time> ended_at;
  std::optional<double> duration_seconds;
};

struct JobQueued {
  static constexpr std::string_view type = "dev.oppen.job.queued.v1";
  JobContext job;
  JobSpec spec;                    // resolved, whole
  std::int64_t source_offset = 0;  // of its command in the topic `jobs`
  int batch_index = 0;             // its place in that command, from 0
  std::string submitted_hash;      // spec_hash of what was submitted, before it was resolved
  std::int64_t position = 0;       // in the queue, from 1
  double estimated_wait_seconds = 0;
  double estimated_duration_seconds = 0;
  MicroUsd estimated_cost;
};

struct JobRejected {
  static constexpr std::string_view type = "dev.oppen.job.rejected.v1";
  JobContext job;
  std::string code;  // invalid | never_fits | over_budget | not_allowed | batch
  std::string reason;
  std::string field;               // "" (absent): the whole job
  std::int64_t source_offset = 0;  // of its command in the topic `jobs`
};

struct JobDuplicate {
  static constexpr std::string_view type = "dev.oppen.job.duplicate.v1";
  JobContext job;  // of the first submission, as it is now; its seq is not raised
  Time first_seen{};
  bool conflict = false;  // the spec differs from the first one, which stands
};

struct JobLaunched {
  static constexpr std::string_view type = "dev.oppen.job.launched.v1";
  JobContext job;
  std::string pod;
  std::string pod_namespace;
};

struct JobStarted {
  static constexpr std::string_view type = "dev.oppen.job.started.v1";
  JobContext job;
  std::string pod;
  std::string pod_namespace;
  std::string node;
  std::string gpu_type;  // what it really got
  Time started_at{};
};

struct JobSucceeded {
  static constexpr std::string_view type = "dev.oppen.job.succeeded.v1";
  JobContext job;
  AttemptEnd end;
  nlohmann::json metrics =
      nlohmann::json::object();  // of numbers, text and arrays, as the container reported them
};

struct JobFailed {  // always the job's last event
  static constexpr std::string_view type = "dev.oppen.job.failed.v1";
  JobContext job;
  AttemptEnd end;
  FailureClass failure = FailureClass::user_error;  // JSON "class"
  std::optional<int> exit_code;
  std::string message;
};

struct JobRequeued {
  static constexpr std::string_view type = "dev.oppen.job.requeued.v1";
  JobContext job;
  AttemptEnd end;
  std::string reason;
  FailureClass failure = FailureClass::lost;  // JSON "class"
  std::optional<int> exit_code;
  std::optional<Time> retry_at;
};

struct JobCancelled {
  static constexpr std::string_view type = "dev.oppen.job.cancelled.v1";
  JobContext job;
  AttemptEnd end;
  std::string requested_by;
  std::string reason;
  JobState was = JobState::queued;
};

struct JobCancelRefused {
  static constexpr std::string_view type = "dev.oppen.job.cancel-refused.v1";
  std::string job_id;  // exactly one of job_id and batch_id is not empty, as in the cancel
  std::string batch_id;
  std::string why;  // unknown | finished
  std::string requested_by;
};

struct JobAmended {
  static constexpr std::string_view type = "dev.oppen.job.amended.v1";
  JobContext job;
  nlohmann::json changes = nlohmann::json::object();
  std::string requested_by;
  std::int64_t source_offset = 0;  // of the command in the topic `jobs`
};

struct JobAmendRefused {
  static constexpr std::string_view type = "dev.oppen.job.amend-refused.v1";
  std::string job_id;
  std::string
      why;  // unknown | started | finished, or the code of a refusal: invalid, never_fits, not_allowed
  std::string reason;  // of a refusal: what is wrong with the job as it would be
  std::string field;   // of a refusal
  std::string requested_by;
};

struct BatchQueued {
  static constexpr std::string_view type = "dev.oppen.batch.queued.v1";
  std::string batch_id;
  std::vector<std::string> jobs;
  std::vector<std::int64_t> positions;
  MicroUsd estimated_cost;
  std::int64_t source_offset = 0;  // of the command (its last part) in the topic `jobs`
};

struct BatchRejected {
  static constexpr std::string_view type = "dev.oppen.batch.rejected.v1";
  std::string batch_id;
  struct JobError {
    int index = 0;  // place in the batch, from 0; -1: the batch as a whole
    std::string field;
    std::string reason;
  };
  std::vector<JobError> errors;
  std::int64_t source_offset = 0;  // of the command (the part that settled it) in the topic `jobs`
};

struct BatchDuplicate {
  static constexpr std::string_view type = "dev.oppen.batch.duplicate.v1";
  std::string batch_id;
  Time first_seen{};
  bool conflict = false;
};

}  // namespace oppen
