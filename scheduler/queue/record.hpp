#pragma once
// What Redis holds of one job, and how it is written: one string, a header line that the Lua
// scripts read (header.hpp) and a JSON detail that only C++ reads. One string a job, because a Redis hash with a
// value over 64 bytes costs twice as much.
//
// Plain values and pure functions.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scheduler/plan/amounts.hpp"
#include "scheduler/plan/policy.hpp"
#include "scheduler/queue/header.hpp"
#include "schemas/error.hpp"
#include "schemas/job.hpp"
#include "schemas/job_events.hpp"
#include "schemas/time.hpp"

namespace oppen::queue {

struct JobRecord {
  // Header.
  JobState state = JobState::queued;
  std::int64_t version = 0;  // raised by one with each write; what a commit expects to find
  std::int64_t seq = 0;      // of the last event
  Priority priority = Priority::normal;
  int attempt = 0;
  std::int64_t place = 0;  // the order inside a priority: see place_of
  MicroUsd estimated_cost;
  double estimated_seconds = 0;
  Hold hold = Hold::none;  // while queued
  bool reserved =
      false;  // while nothing but its turn or the window holds it: the budgets keep room for what it is estimated at
  Time not_before{};  // of Hold::retry
  // Of the estimate (plan::Estimate), in thousandths; 0: not known.
  int spread_permille = 0;
  int doubt_permille = 0;

  // Detail.
  JobSpec spec;            // resolved; of a rejected job as far as it could be read
  bool own_limit = false;  // its max_runtime_seconds is the owner's, not the default
  std::string
      submitted_hash;  // spec_hash of what was submitted: tells a repetition from a conflict
  std::string batch_id;
  Time submitted_at{};
  std::int64_t expected_wait_seconds = 0;  // as job.queued told it
  std::string pod_uid;    // of the live or last attempt, once the API server has accepted it
  bool launched = false;  // job.launched of this attempt is written
  std::int64_t amended_offset = -1;  // of the last job.amend that was applied
  int faults = 0;                    // attempts that ended by no fault of the job's
  std::vector<std::string> avoid;    // the last nodes on which these did
  Time launching_at{};               // when the present attempt was decided
  std::string node;
  std::string gpu_type;  // what it really got
  std::optional<Time> started_at;
  std::optional<Time> ended_at;
  std::string
      approved_by;  // passes the budgets that ask for an approval; "": nobody has approved it
  std::int64_t control_from =
      -1;                // up to where `control` had been read when it was submitted; -1: not known
  std::string proposed;  // the last proposal to let it pass: see core::propose
  std::string requested_by;                    // of a cancel
  std::string reason;                          // of a cancel or a rejection
  JobState cancelled_from = JobState::queued;  // what it was when the cancel came
  std::string give_up;  // why a pod that could not start is being given up; "" otherwise
  std::optional<FailureClass> failure;
  std::optional<int> exit_code;
  std::string message;
  nlohmann::json metrics;  // null until reported

  Resources resources() const;    // of the resolved spec
  plan::Amounts amounts() const;  // what its pod counts for
  JobContext context() const;     // for its events: seq and attempt as they are now
  std::string pod_name() const;   // of the present attempt
};

// Offset in `jobs` first, then the place in the batch (below 16,384).
std::int64_t place_of(std::int64_t source_offset, int index_in_batch);
std::int64_t offset_of(std::int64_t place);
int index_of(std::int64_t place);  // in its batch

bool is_live(JobState state);  // launching, running, cancelling: an attempt that takes a slot

// The sorted set in which it waits while it is queued: "queue:n", as lib.lua has it.
std::string waiting_set(const JobRecord& record);

std::string encode(const JobRecord& record);
// fatal when the text is not what encode wrote.
Result<JobRecord> decode(std::string_view job_id, std::string_view text);

}  // namespace oppen::queue
