// A large batch claims its ids some at a time, with other work in between. Whatever happens between two steps, a command, a cancel or the
// leader's death, it is as if the batch had been decided in one.
#include <thread>

#include "scheduler/core/redis_look.hpp"
#include "tests/component/core/core_fixture.hpp"

namespace oppen::core {
namespace {

using nlohmann::json;

class DecidingTest : public CoreTest {
 protected:
  static constexpr int jobs = 600;  // three claims: 250, 250 and 100

  // Takes the batch in, and waits until it is staged; nothing of it is claimed yet.
  void stage(const std::string& batch_id = "sweep") {
    auto list = json::array();
    for (int i = 0; i < jobs; ++i)
      list.push_back({{"job_id", "j" + std::to_string(i)}, {"model_type", "mnist"}, {"epochs", 1}});
    EXPECT_EQ(handle(command(BatchSubmit::type, {{"batch_id", batch_id}, {"jobs", list}})),
              std::nullopt);
    wait_for_task();
  }
  void wait_for_task() {
    for (;;) {
      {
        std::lock_guard lock(mutex);
        if (!tasks.empty()) return;
      }
      std::this_thread::yield();  // until the checking thread has posted
    }
  }
  // One of the tasks that wait.
  void step() {
    std::function<Status()> task;
    {
      std::lock_guard lock(mutex);
      ASSERT_EQ(tasks.size(), 1U);
      task = std::move(tasks.front());
      tasks.pop_front();
    }
    const auto status = task();
    ASSERT_TRUE(status) << status.error().message;
  }
  void steps(int count) {
    for (int i = 0; i < count; ++i) step();
  }
  // With a new leader, which goes on.
  void take_over(std::int64_t epoch) {
    begin_term(epoch);
    EXPECT_EQ(job_keys(), 0U);
    ASSERT_TRUE(batches->resume());
    wait_for_task();
  }
  std::size_t keys(const std::string& pattern) {
    return redis->command({"KEYS", "{oppen.scheduler}:" + pattern}).value().elements.size();
  }
  std::size_t job_keys() { return keys("job:*"); }
  void expect_queued_once() {
    EXPECT_EQ(story("sweep"), "batch.queued");
    EXPECT_EQ(story("j0"), "job.queued job.launched");
    for (int i = 2; i < jobs; ++i) ASSERT_EQ(story_of_list(i), 1) << i;
    EXPECT_EQ(state->counters.queued[1], jobs - 2);
    EXPECT_EQ(keys("stage:*") + keys("stage-claimed:*"), 0U);
  }
  // How often the event of a job is in the outbox.
  std::int64_t story_of_list(int index) {
    if (told.empty()) {
      const auto list =
          redis->command({"LRANGE", "{oppen.scheduler}:stage-events:sweep", "0", "-1"}).value();
      for (const auto& text : list.elements) ++told[queue::decode_entry(text.text).value().key];
    }
    return told["j" + std::to_string(index)];
  }
  std::map<std::string, std::int64_t> told;
};

TEST_F(DecidingTest, WhatIsClaimedIsNotSeenAndOthersGoOn) {
  stage();
  for (int i = 0; i < 2; ++i) {
    step();
    EXPECT_EQ(job_keys(), static_cast<std::size_t>(250 * (i + 1)));
    EXPECT_EQ(store->counters().value().queued_total(), 0);
    EXPECT_TRUE(store->heads(5).value().by_priority[1].empty());
    ASSERT_TRUE(attempts->launch_next());
    EXPECT_TRUE(state->live.empty());
    EXPECT_EQ(events("j0").size() + events("sweep").size(), 0U);
  }
  EXPECT_EQ(handle(command(JobSubmit::type, {{"job_id", "single"}, {"model_type", "mnist"}})),
            std::nullopt);
  EXPECT_EQ(story("single"), "job.queued");
  EXPECT_EQ(last_event("single")["position"], 1);
  EXPECT_EQ(story("sweep"), "");
  step();
  EXPECT_EQ(state->counters.queued[1], jobs + 1);
  EXPECT_EQ(story("sweep"), "batch.queued");
  settle();
  EXPECT_EQ(story("j0"), "job.queued job.launched") << "the batch stands before the single one";
  EXPECT_EQ(story("single"), "job.queued");
}

TEST_F(DecidingTest, ALeaderThatDiesInBetweenIsFollowedByOneThatQueuesItOnce) {
  stage();
  for (int epoch = 2; epoch < 5; ++epoch) {
    steps(epoch - 2);
    take_over(epoch);
  }
  settle();
  expect_queued_once();
}

TEST_F(DecidingTest, WhatIsGivenUpAfterSuchADeathLeavesNoJobBehind) {
  stage();
  steps(2);
  begin_term(2);
  // Before the new leader has decided it.
  EXPECT_EQ(handle(command(JobSubmit::type, {{"job_id", "j7"}, {"model_type", "mnist"}})),
            std::nullopt);
  EXPECT_EQ(story("j7"), "job.queued");
  ASSERT_TRUE(batches->resume());
  wait_for_task();
  settle();
  EXPECT_EQ(story("sweep"), "batch.rejected");
  EXPECT_EQ(last_event("sweep")["errors"].size(), 1U);
  EXPECT_EQ(last_event("sweep")["errors"][0]["index"], 7);
  EXPECT_EQ(job_keys(), 1U);
  EXPECT_EQ(keys("stage*"), 0U);
}

TEST_F(DecidingTest, ASubmissionOfOneOfItsIdsIsADuplicateWhenItIsQueued) {
  stage();
  step();
  EXPECT_EQ(handle(command(JobSubmit::type, {{"job_id", "j599"}, {"model_type", "mnist"}})),
            std::nullopt);
  EXPECT_EQ(story("sweep"), "batch.queued");
  EXPECT_EQ(story("j599"), "job.queued job.duplicate");
  settle();  // what had been posted is of no use any more
  expect_queued_once();
}

TEST_F(DecidingTest, ASubmissionOfOneOfItsIdsIsQueuedWhenItIsRejected) {
  for (const int in_between : {1, 3, 4}) {  // claiming, about to give up, giving up
    ASSERT_TRUE(redis->command({"FLUSHALL"}));
    next_offset = 0;
    begin_term(1);
    EXPECT_EQ(handle(command(JobSubmit::type, {{"job_id", "j599"}, {"model_type", "mnist"}})),
              std::nullopt);
    stage();
    steps(in_between);
    EXPECT_EQ(story("sweep"), "");
    EXPECT_EQ(handle(command(JobSubmit::type, {{"job_id", "j0"}, {"model_type", "mnist"}})),
              std::nullopt);
    EXPECT_EQ(story("sweep"), "batch.rejected");
    EXPECT_EQ(last_event("sweep")["errors"].size(), 1U);
    EXPECT_EQ(last_event("sweep")["errors"][0]["index"], 599);
    EXPECT_EQ(story("j0"), "job.queued");
    EXPECT_EQ(job_keys(), 2U);
    EXPECT_EQ(keys("stage*"), 0U);
    EXPECT_EQ(state->counters.queued[1], 2);
  }
}

TEST_F(DecidingTest, ACancelOfOneOfItsJobsFindsItQueued) {
  stage();
  step();
  cancel("j300");
  EXPECT_EQ(story("j300"), "job.queued job.cancelled");
  EXPECT_EQ(state->counters.queued[1], jobs - 3);
}

TEST_F(DecidingTest, ACancelOfTheBatchRejectsIt) {
  stage();
  step();
  EXPECT_EQ(handle(command(JobCancel::type, {{"batch_id", "sweep"}, {"requested_by", "ana"}})),
            std::nullopt);
  settle();
  EXPECT_EQ(story("sweep"), "batch.rejected");
  EXPECT_EQ(last_event("sweep")["errors"][0]["reason"], "cancelled by ana before it was queued");
  EXPECT_EQ(job_keys() + keys("stage*"), 0U);
  EXPECT_TRUE(store->open_batches().value().empty());
}

TEST_F(DecidingTest, AnotherBatchOfTheSameIdsIsDecidedAfterIt) {
  stage();
  step();
  EXPECT_EQ(handle(command(BatchSubmit::type,
                           {{"batch_id", "late"},
                            {"jobs", json::array({{{"job_id", "j0"}, {"model_type", "mnist"}}})}})),
            std::nullopt);
  while (story("late").empty()) {
    settle();
    std::this_thread::yield();
  }
  EXPECT_EQ(story("late"), "batch.rejected");
  expect_queued_once();
}

// A pod of an attempt that the job would have next makes it live; a job that is only claimed is none.
TEST_F(DecidingTest, APodOfAClaimedJobDoesNotMakeItLive) {
  stage();
  step();
  auto record = store->job("j0").value().value();
  record.attempt = 1;
  kube::Pod pod;
  pod.name = record.pod_name();
  pod.uid = "uid";
  pod.job_id = "j0";
  pod.attempt = 1;
  pod.spec_hash = spec_hash(record.spec);
  pod.managed = pod.has_finalizer = pod.deleting = true;
  ASSERT_TRUE(attempts->on_pod(pod, false));
  EXPECT_TRUE(state->live.empty());
  EXPECT_EQ(state_of("j0"), JobState::queued);
}

TEST_F(DecidingTest, AClaimedJobIsNoDriftButOneThatIsLeftBehindIs) {
  stage();
  step();
  RedisLook look(*redis, "oppen.");
  std::vector<Drift> drifts;
  ASSERT_TRUE(look.check_records({"j0", "j1"}, drifts));
  EXPECT_TRUE(drifts.empty());
  ASSERT_TRUE(redis->command({"DEL", "{oppen.scheduler}:stage-claimed:sweep"}));
  ASSERT_TRUE(look.check_records({"j0"}, drifts));
  ASSERT_EQ(drifts.size(), 1U);
  EXPECT_EQ(drifts[0].subject, "job j0");
}

}  // namespace
}  // namespace oppen::core
