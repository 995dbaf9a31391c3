// What waits for something else than its turn - the off-peak window, a while after a failure, other jobs - goes when that has come, in its
// own place, also under the next leader; what can't come is refused, and who waits for a job that fails, fails.
#include "tests/component/core/core_fixture.hpp"

namespace oppen::core {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using ::testing::HasSubstr;

class HoldsTest : public CoreTest {
 protected:
  void SetUp() override {
    CoreTest::SetUp();
    retries(10, 10);
  }
  void retries(int faults, std::int64_t hold_seconds) {
    auto policy = *state->policy;
    policy.max_fault_retries = faults;
    policy.retry_hold_seconds = hold_seconds;
    state->policy = std::make_shared<const plan::Policy>(policy);
  }
  void run_to_end(const std::string& pod, bool succeeds = true) {
    kube.run(pod, clock.now());
    if (succeeds) {
      kube.succeed(pod, clock.now());
    } else {
      kube.fail(pod, clock.now(), 3);
    }
    settle();
  }
  void tick() {
    ASSERT_TRUE(holds->tick());
    ASSERT_TRUE(attempts->tick());
    settle();
  }
  // Where the queue keeps the job: "queue:n", ...
  std::string set_of(const std::string& job_id) {
    for (const auto* set : {"queue:n", "window:n", "retry:n", "dependent:n"}) {
      if (!redis->command({"ZSCORE", std::string("{oppen.scheduler}:") + set, job_id})->is_nil())
        return set;
    }
    return "";
  }
  // The clock stands at 08:00 UTC at first; the window is from 22:00 to 06:00.
  void at_hour(int hour) {
    const auto of_day = clock.now().time_since_epoch() % hours(24);
    auto wait = hours(hour) - of_day;
    if (wait < wait.zero()) wait += hours(24);
    clock.advance(std::chrono::duration_cast<std::chrono::milliseconds>(wait));
  }
};

TEST_F(HoldsTest, AnOffPeakJobGoesWhenTheWindowOpensAndInItsPlace) {
  at_hour(12);
  submit("night", {{"window", "off_peak"}});
  submit("day-1");
  submit("day-2");
  EXPECT_EQ(set_of("night"), "window:n");
  EXPECT_EQ(state_of("day-1"), JobState::launching);
  submit("day-3");
  const auto queued = events("night").front().second;
  EXPECT_EQ(queued["estimated_wait_seconds"], 36'000);
  run_to_end("day-1-1");
  EXPECT_EQ(state_of("day-3"), JobState::launching) << "what is held is in nobody's way";
  submit("day-4");
  at_hour(22);
  run_to_end("day-2-1");
  EXPECT_EQ(state_of("night"), JobState::launching) << "it came before day-4";
  EXPECT_EQ(state_of("day-4"), JobState::queued);
}

TEST_F(HoldsTest, AWindowThatNeverOpensIsRefused) {
  auto model = *state->cost_model;
  model.off_peak_start_minute = model.off_peak_end_minute = 0;
  state->cost_model = std::make_shared<const pricing::CostModel>(model);
  submit("night", {{"window", "off_peak"}});
  EXPECT_EQ(story("night"), "job.rejected");
  EXPECT_EQ(last_event("night")["field"], "window");
}

TEST_F(HoldsTest, AJobWaitsForTheSuccessOfAllThatItNames) {
  submit("a");
  submit("b");
  submit("c", {{"after", {"a", "b"}}});
  EXPECT_EQ(set_of("c"), "dependent:n");
  run_to_end("a-1");
  EXPECT_EQ(set_of("c"), "dependent:n");
  begin_term(2);
  run_to_end("b-1");
  EXPECT_EQ(state_of("c"), JobState::launching);
  EXPECT_EQ(story("c"), "job.queued job.launched");
  submit("d", {{"after", {"a"}}});
  EXPECT_EQ(state_of("d"), JobState::launching) << "a has succeeded long since";
  EXPECT_EQ(redis->command({"KEYS", "*depend*"})->elements.size(), 0U);
  EXPECT_EQ(redis->command({"EXISTS", "{oppen.scheduler}:settling"})->integer, 0);
}

TEST_F(HoldsTest, WhoWaitsForAFailedJobFailsAndSoDoesWhoWaitsForThat) {
  submit("a");
  submit("b", {{"after", {"a"}}});
  submit("c", {{"after", {"b"}}});
  run_to_end("a-1", false);
  EXPECT_EQ(story("b"), "job.queued job.failed");
  EXPECT_EQ(last_event("b")["class"], "dependency");
  EXPECT_THAT(last_event("b")["message"], HasSubstr("job a, which this one waits for, has failed"));
  EXPECT_EQ(story("c"), "job.queued job.failed");
  EXPECT_EQ(state->counters.queued_total(), 0);
}

TEST_F(HoldsTest, ACancelledJobFailsItsDependentsAlsoUnderTheNextLeader) {
  submit("a");
  submit("filler");
  submit("x");
  submit("y", {{"after", {"x"}}});
  // The cancel is stored, and the leader dies before it tells anybody.
  const auto cancel_x = command(JobCancel::type, {{"job_id", "x"}, {"requested_by", "ana"}});
  EXPECT_EQ(handle(cancel_x), std::nullopt);
  EXPECT_EQ(state_of("y"), JobState::queued);
  begin_term(2);
  EXPECT_EQ(state_of("y"), JobState::failed);
  EXPECT_THAT(last_event("y")["message"], HasSubstr("was cancelled"));
}

TEST_F(HoldsTest, WhatCanNeverComeIsRefused) {
  submit("self", {{"after", {"self"}}});
  EXPECT_EQ(last_event("self")["reason"], "after[0] is \"self\": a job can't wait for itself");
  submit("lone", {{"after", {"nobody"}}});
  EXPECT_EQ(last_event("lone")["reason"], "after[0] is \"nobody\": there is no such job");
  EXPECT_EQ(last_event("lone")["field"], "after[0]");
  submit("a");
  cancel("a");
  kube.fail("a-1", clock.now(), 137);
  settle();
  submit("late", {{"after", {"a"}}});
  EXPECT_EQ(story("late"), "job.rejected");
}

TEST_F(HoldsTest, ManyDependentsAreLetGo) {
  submit("a");
  submit("filler");
  for (int i = 0; i < 600; ++i) submit("d" + std::to_string(i), {{"after", {"a"}}});
  run_to_end("a-1");
  EXPECT_EQ(redis->command({"ZCARD", "{oppen.scheduler}:dependent:n"})->integer, 0);
  EXPECT_EQ(state_of("d0"), JobState::launching);
  EXPECT_EQ(state->counters.queued_total(), 599);
}

// A batch of jobs by id and what they add to a spec.
nlohmann::json batch_of(const std::vector<std::pair<std::string, nlohmann::json>>& jobs) {
  nlohmann::json batch{{"batch_id", "sweep"}, {"jobs", nlohmann::json::array()}};
  for (auto [id, job] : jobs) {
    job["job_id"] = id;
    job["model_type"] = "mnist";
    batch["jobs"].push_back(job);
  }
  return batch;
}

TEST_F(HoldsTest, JobsOfABatchWaitForEachOtherForOthersAndForTheWindow) {
  at_hour(12);
  submit("before");
  send(batch_of({{"last", {{"after", {"first", "before"}}}},
                 {"night", {{"window", "off_peak"}}},
                 {"first", nlohmann::json::object()}}));
  EXPECT_EQ(story("sweep"), "batch.queued");
  EXPECT_EQ(set_of("last"), "dependent:n");
  EXPECT_EQ(set_of("night"), "window:n");
  EXPECT_EQ(state->counters.queued_total(), 2);
  run_to_end("first-1");
  EXPECT_EQ(set_of("last"), "dependent:n");
  begin_term(2);
  run_to_end("before-1");
  EXPECT_EQ(state_of("last"), JobState::launching);
  at_hour(23);
  settle();
  EXPECT_EQ(state_of("night"), JobState::launching);
  EXPECT_EQ(redis->command({"KEYS", "*depend*"})->elements.size(), 0U);
}

TEST_F(HoldsTest, WhatABatchWaitsForMayEndWhileItIsStaged) {
  submit("before");
  send(batch_of({{"a", {{"after", {"before"}}}}, {"b", {{"after", {"a"}}}}}), false);
  run_to_end("before-1", false);
  while (events("sweep").empty()) {
    settle();
    std::this_thread::yield();
  }
  settle();
  if (story("sweep") == "batch.rejected") {  // it was looked at after that
    EXPECT_EQ(last_event("sweep")["errors"][0]["field"], "after[0]");
    return;
  }
  EXPECT_EQ(story("a"), "job.queued job.failed");
  EXPECT_EQ(story("b"), "job.queued job.failed");
}

TEST_F(HoldsTest, ACircleInABatchIsRefusedAndNamed) {
  send(batch_of({{"a", {{"after", {"c"}}}},
                 {"b", {{"after", {"a"}}}},
                 {"c", {{"after", {"b"}}}},
                 {"d", {{"after", {"a"}}}},
                 {"e", {{"after", {"nobody"}}}}}));
  EXPECT_EQ(story("sweep"), "batch.rejected");
  const auto errors = last_event("sweep")["errors"];
  ASSERT_EQ(errors.size(), 2U);
  EXPECT_EQ(errors[0]["index"], 0);
  EXPECT_EQ(errors[0]["field"], "after");
  EXPECT_EQ(errors[0]["reason"], "these jobs wait for each other: a after c after b after a");
  EXPECT_EQ(errors[1]["index"], 4);
  EXPECT_EQ(errors[1]["reason"], "after[0] is \"nobody\": there is no such job");
}

TEST_F(HoldsTest, AFailedRunIsTriedAgainAfterAHoldThatDoubles) {
  submit("a", {{"max_retries", 2}});
  run_to_end("a-1", false);
  EXPECT_EQ(set_of("a"), "retry:n");
  EXPECT_EQ(last_event("a")["retry_at"], to_rfc3339(clock.now() + seconds(10)));
  clock.advance(seconds(9));
  tick();
  EXPECT_EQ(state_of("a"), JobState::queued);
  begin_term(2);
  clock.advance(seconds(1));
  tick();
  EXPECT_EQ(state_of("a"), JobState::launching);
  retries(10, 10);
  run_to_end("a-2", false);
  EXPECT_EQ(last_event("a")["retry_at"], to_rfc3339(clock.now() + seconds(20)));
  cancel("a");
  clock.advance(seconds(20));
  tick();
  EXPECT_EQ(state_of("a"), JobState::cancelled);
}

// An end that is seen late, as after a take-over, is told no other than one that is seen at once.
TEST_F(HoldsTest, AHoldThatIsOverWhenTheEndIsSeenIsStillTold) {
  submit("a", {{"max_retries", 1}});
  const auto ended = clock.now();
  kube.run("a-1", ended);
  kube.fail("a-1", ended, 3);
  clock.advance(seconds(60));
  settle();
  EXPECT_EQ(last_event("a")["retry_at"], to_rfc3339(ended + seconds(10)));
  tick();
  EXPECT_EQ(state_of("a"), JobState::launching);
}

TEST_F(HoldsTest, AFaultThatIsNotItsOwnCostsTheJobNothingAndItsNodeIsAvoided) {
  retries(2, 10);
  submit("a", {{"max_retries", 1}});
  for (const auto* pod : {"a-1", "a-2"}) {
    kube.run(pod, clock.now());
    settle();
    kube.vanish(pod);
    kube.relist();
    settle();
    EXPECT_EQ(state_of("a"), JobState::launching) << "at once";
  }
  EXPECT_EQ(record("a").faults, 2);
  EXPECT_EQ(record("a").avoid, std::vector<std::string>{"node-1"});
  EXPECT_THAT(kube.launches().back().manifest_json, HasSubstr("NotIn"));
  // Its own failure, and then one fault too many.
  run_to_end("a-3", false);
  EXPECT_EQ(last_event("a")["class"], "user_error");
  clock.advance(seconds(10));
  tick();
  kube.run("a-4", clock.now());
  settle();
  kube.vanish("a-4");
  kube.relist();
  settle();
  EXPECT_EQ(state_of("a"), JobState::failed);
  EXPECT_EQ(last_event("a")["class"], "lost");
}

TEST_F(HoldsTest, NobodyGoesForAJobThatRedisMayLearnOfYet) {
  submit("a");
  submit("b", {{"after", {"a"}}});
  // An emptied Redis has learned of b from its event; a is in a batch that is read again.
  ASSERT_TRUE(redis->command({"DEL", "{oppen.scheduler}:job:a"}));
  ASSERT_TRUE(redis->command({"ZREM", "{oppen.scheduler}:live", "a"}));
  ASSERT_TRUE(redis->command({"SADD", "{oppen.scheduler}:settling", "a"}));
  caught_up = false;
  begin_term(2);
  tick();
  EXPECT_EQ(set_of("b"), "dependent:n");
  ASSERT_TRUE(attempts->caught_up());
  ASSERT_TRUE(redis->command({"SADD", "{oppen.scheduler}:batches", "sweep"}));
  tick();
  EXPECT_EQ(set_of("b"), "dependent:n") << "a batch is not decided yet";
  ASSERT_TRUE(redis->command({"DEL", "{oppen.scheduler}:batches"}));
  tick();
  EXPECT_EQ(state_of("b"), JobState::launching) << "a is forgotten";
}

TEST_F(HoldsTest, AnAmendIsNotReadAgainForAJobThatCameAfterIt) {
  const auto early = command(JobAmend::type, {{"job_id", "c"}, {"changes", {{"spot", true}}}});
  EXPECT_EQ(handle(early), std::nullopt);
  EXPECT_EQ(last_event("c")["why"], "unknown");
  submit("a");
  submit("b");
  submit("c");
  EXPECT_EQ(handle(early), std::nullopt);
  EXPECT_EQ(story("c"), "job.amend-refused job.queued");
}

TEST_F(HoldsTest, AnAmendedJobGoesAsIfItHadBeenSubmittedSo) {
  submit("a");
  submit("b");
  submit("c");
  submit("d");
  const auto amend = [&](const std::string& id, const nlohmann::json& changes) {
    const auto record = command(JobAmend::type, {{"job_id", id}, {"changes", changes}});
    EXPECT_EQ(handle(record), std::nullopt);
    settle();
    return record;
  };
  const auto urgent = amend("d", {{"priority", "urgent"}, {"batch_size", 128}});
  EXPECT_EQ(story("d"), "job.queued job.amended");
  EXPECT_EQ(last_event("d")["priority"], "urgent");
  EXPECT_EQ(record("d").spec.batch_size, 128);
  // Read again after Redis came back older: it is known.
  EXPECT_EQ(handle(urgent), std::nullopt);
  EXPECT_EQ(story("d"), "job.queued job.amended");
  run_to_end("a-1");
  EXPECT_EQ(state_of("d"), JobState::launching);
  EXPECT_EQ(state_of("c"), JobState::queued);
  amend("c", {{"window", "off_peak"}});
  EXPECT_EQ(set_of("c"), "window:n");
  amend("d", {{"spot", true}});
  EXPECT_EQ(last_event("d")["why"], "started");
  amend("nobody", {{"spot", true}});
  EXPECT_EQ(last_event("nobody")["why"], "unknown");
}

TEST_F(HoldsTest, TheEndOfADeletedPodWaitsForTheCancelThatRedisHasForgotten) {
  submit("a");
  kube.run("a-1", clock.now());
  settle();
  const auto cancel_a = command(JobCancel::type, {{"job_id", "a"}, {"requested_by", "ana"}});
  caught_up = false;
  begin_term(2);
  auto pod = kube.pod("a-1");
  pod.phase = "Failed";
  pod.deleting = true;
  pod.finished_at = pod.deleted_at = clock.now();
  kube.add_pod(pod);
  settle();
  EXPECT_EQ(state_of("a"), JobState::running);
  EXPECT_EQ(handle(cancel_a), std::nullopt);
  settle();
  ASSERT_TRUE(attempts->caught_up());
  settle();
  EXPECT_EQ(story("a"), "job.queued job.launched job.started job.cancelled");
}

}  // namespace
}  // namespace oppen::core
