// A record is rebuilt from its events: the same one, whatever comes twice or late.
#include "scheduler/core/heal.hpp"

#include <gtest/gtest.h>

#include "scheduler/core/events.hpp"

namespace oppen::core {
namespace {

const Time morning{std::chrono::hours{8}};

template <class Event>
CloudEvent event_of(const Event& event) {
  return {"id",    "/oppen/scheduler", std::string(Event::type),
          morning, event.job.job_id,   to_data(event)};
}

JobContext context(std::int64_t seq, JobState state, int attempt) {
  JobContext job;
  job.job_id = "mnist-1";
  job.seq = seq;
  job.state = state;
  job.attempt = attempt;
  job.model_type = "mnist";
  job.workload_type = "training";
  job.priority = Priority::urgent;
  job.resources.cpu_millicores = 500;
  job.resources.memory_bytes = std::int64_t{1} << 30;
  return job;
}

CloudEvent queued() {
  JobQueued event;
  event.job = context(1, JobState::queued, 0);
  event.spec.job_id = "mnist-1";
  event.spec.model_type = "mnist";
  event.spec.image = "mnist:1";
  event.source_offset = 42;
  event.batch_index = 3;
  event.submitted_hash = "abc";
  event.position = 1;
  event.estimated_wait_seconds = 90;
  event.estimated_cost = {100};
  return event_of(event);
}
CloudEvent launched() {
  return event_of(JobLaunched{context(2, JobState::launching, 1), "mnist-1-1", "ml"});
}
CloudEvent started() {
  return event_of(
      JobStarted{context(3, JobState::running, 1), "mnist-1-1", "ml", "node-1", "A100", morning});
}
CloudEvent failed() {
  JobFailed event{context(4, JobState::failed, 1), {}, FailureClass::oom, 137, "out of memory"};
  event.end.started_at = morning;
  event.end.ended_at = morning;
  return event_of(event);
}

TEST(Heal, RebuildsARecordFromItsEvents) {
  std::optional<queue::JobRecord> record;
  ASSERT_TRUE(apply_fact(queued(), record));
  EXPECT_EQ(record->state, JobState::queued);
  EXPECT_EQ(record->place, queue::place_of(42, 3));
  EXPECT_EQ(record->priority, Priority::urgent);
  EXPECT_EQ(record->spec.image, "mnist:1");
  EXPECT_EQ(record->submitted_hash, "abc");
  EXPECT_EQ(record->expected_wait_seconds, 90);
  ASSERT_TRUE(apply_fact(launched(), record));
  EXPECT_TRUE(record->launched);
  EXPECT_EQ(record->attempt, 1);
  ASSERT_TRUE(apply_fact(started(), record));
  EXPECT_EQ(record->node, "node-1");
  ASSERT_TRUE(apply_fact(failed(), record));
  EXPECT_EQ(record->state, JobState::failed);
  EXPECT_EQ(record->failure, FailureClass::oom);
  EXPECT_EQ(record->exit_code, 137);
}

TEST(Heal, WhatComesTwiceOrLateChangesNothing) {
  std::optional<queue::JobRecord> record;
  for (const auto& event : {queued(), launched(), started(), failed()})
    ASSERT_TRUE(apply_fact(event, record));
  const auto before = encode(*record);
  for (const auto& event : {queued(), started(), failed()}) EXPECT_FALSE(apply_fact(event, record));
  EXPECT_EQ(encode(*record), before);
}

TEST(Heal, WithoutItsBeginningARecordIsWhatItsLaterEventsSayAndCanBeRead) {
  std::optional<queue::JobRecord> record;
  auto job = context(3, JobState::running, 1);
  job.user = "kim";
  job.epochs = 7;
  ASSERT_TRUE(
      apply_fact(event_of(JobStarted{job, "mnist-1-1", "ml", "node-1", "A100", morning}), record));
  const auto read = queue::decode("mnist-1", encode(*record));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->spec.user, "kim");
  EXPECT_EQ(read->spec.epochs, 7);

  // What was never taken has no epochs.
  std::optional<queue::JobRecord> rejected;
  ASSERT_TRUE(apply_fact(event_of(JobRejected{context(1, JobState::rejected, 0), "invalid",
                                              "epochs is 0: expected more", "epochs", 41}),
                         rejected));
  const auto again = queue::decode("mnist-1", encode(*rejected));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->state, JobState::rejected);
}

TEST(Heal, AnswersThatAreNoStepOfTheJobChangeNothing) {
  std::optional<queue::JobRecord> record;
  EXPECT_FALSE(
      apply_fact(event_of(JobDuplicate{context(9, JobState::running, 1), morning, true}), record));
  EXPECT_FALSE(record);
}

}  // namespace
}  // namespace oppen::core
