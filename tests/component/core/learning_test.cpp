// How long runs take is learned from those that succeed, in the commit that ends them: what later jobs are told follows, also under the
// next leader, and after Redis was lost. What was told is held against the real start.
#include <thread>

#include "tests/component/core/core_fixture.hpp"

namespace oppen::core {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

class LearningTest : public CoreTest {
 protected:
  // A job of two epochs, which the catalogue takes for 240 s, that takes `took`.
  void run_one(const std::string& id, seconds took, nlohmann::json spec = {{"epochs", 2}}) {
    submit(id, std::move(spec));
    kube.run(id + "-1", clock.now());
    clock.advance(took);
    kube.succeed(id + "-1", clock.now());
    settle();
    ASSERT_EQ(state_of(id), JobState::succeeded);
  }
  double told(const std::string& id) {
    return events(id).front().second["estimated_duration_seconds"].get<double>();
  }
};

TEST_F(LearningTest, WhatJobsAreToldFollowsWhatRunsTook) {
  for (const auto* id : {"a", "b", "c", "d"}) run_one(id, seconds(60));
  submit("next", {{"epochs", 2}});
  EXPECT_EQ(told("a"), 240);
  EXPECT_LT(told("b"), 200);
  EXPECT_GT(told("next"), 60);
  EXPECT_LT(told("next"), 90);
  EXPECT_LT(events("next").front().second["estimated_cost_microusd"],
            events("a").front().second["estimated_cost_microusd"]);
  EXPECT_EQ(record("next").estimated_seconds, told("next"));
}

TEST_F(LearningTest, TheNextLeaderKnowsWhatTheLastOneLearned) {
  for (const auto* id : {"a", "b", "c"}) run_one(id, seconds(60));
  const auto stored = store->durations().value();
  submit("before", {{"epochs", 2}});
  begin_term(2);
  submit("after", {{"epochs", 2}});
  EXPECT_LT(told("before"), 100);
  EXPECT_NEAR(told("after"), told("before"), 0.01);
  kube.run("before-1", clock.now());
  clock.advance(seconds(60));
  kube.succeed("before-1", clock.now());
  settle();
  EXPECT_EQ(store->durations().value().size(), stored.size()) << "the same cells go on";
}

TEST_F(LearningTest, ABatchIsToldTheSameAsAJob) {
  for (const auto* id : {"a", "b", "c"}) run_one(id, seconds(60));
  const nlohmann::json job{{"job_id", "of-batch"}, {"model_type", "mnist"}, {"epochs", 2}};
  EXPECT_EQ(handle(command(BatchSubmit::type,
                           {{"batch_id", "sweep"}, {"jobs", nlohmann::json::array({job})}})),
            std::nullopt);
  while (events("sweep").empty()) {
    settle();
    std::this_thread::yield();  // until the checking thread has posted
  }
  submit("alone", {{"epochs", 2}});
  EXPECT_EQ(told("of-batch"), told("alone"));
  EXPECT_LT(told("alone"), 100);
}

TEST_F(LearningTest, AFailureTeachesNothing) {
  submit("a");
  kube.run("a-1", clock.now());
  clock.advance(seconds(5));
  kube.fail("a-1", clock.now(), 1);
  settle();
  EXPECT_EQ(state_of("a"), JobState::failed);
  EXPECT_TRUE(store->durations().value().empty());
}

TEST_F(LearningTest, TheEventTeachesWhatTheEndTaught) {
  run_one("a", seconds(60));
  run_one("b", seconds(60), {{"epochs", 2}, {"max_runtime_seconds", 600}});
  const auto learned = store->durations().value();
  ASSERT_TRUE(redis->command({"DEL", "{oppen.scheduler}:durations"}));
  state->durations = {};
  queue::Changes changes;
  for (const auto* id : {"a", "b"}) {
    const auto end = parse_data<JobSucceeded>(last_event(id)).value().end;
    learn(*state, record(id), end, *end.ended_at, changes);  // told at once
  }
  ASSERT_TRUE(state->commit(changes));
  EXPECT_THAT(store->durations().value(), ::testing::UnorderedElementsAreArray(learned));
}

// Two seconds until it runs, one until its end is seen.
TEST_F(LearningTest, WhatAnAttemptTakesBesideItsRunIsLearnedToo) {
  for (int run = 0; run < 20; ++run) {
    const auto id = "job-" + std::to_string(run);
    submit(id);
    clock.advance(seconds(2));
    kube.run(id + "-1", clock.now());
    settle();
    clock.advance(seconds(60));
    kube.succeed(id + "-1", clock.now());
    clock.advance(seconds(1));
    settle();
    ASSERT_EQ(state_of(id), JobState::succeeded);
  }
  const auto overhead = state->durations.overhead();
  EXPECT_NEAR(overhead.p50_seconds, 3, 0.3);
  EXPECT_EQ(attempts->situation().overhead.p50_seconds, overhead.p50_seconds);
}

TEST_F(LearningTest, AnEndThatWasSeenLateSaysNothingOfOverheads) {
  run_one("a", seconds(60));
  const auto end = parse_data<JobSucceeded>(last_event("a")).value().end;
  plan::Durations usual;
  usual.observe_overhead(10);
  state->durations = {};
  queue::Changes changes;
  learn(*state, record("a"), end, *end.ended_at + std::chrono::hours(8), changes);
  EXPECT_NEAR(state->durations.overhead().p50_seconds, usual.overhead().p50_seconds, 1e-6);
}

TEST_F(LearningTest, ACellThatCannotBeReadIsLearnedAnew) {
  run_one("a", seconds(60));
  ASSERT_TRUE(redis->command({"HSET", "{oppen.scheduler}:durations", "mnist", "rubbish"}));
  begin_term(2);
  EXPECT_EQ(state->durations.size(), store->durations().value().size() - 1);
  run_one("b", seconds(60));
  EXPECT_EQ(state->durations.size(), store->durations().value().size());
}

TEST_F(LearningTest, TheToldStartIsHeldAgainstTheRealOne) {
  for (const auto* id : {"a", "b"}) submit(id, {{"epochs", 2}});
  clock.advance(seconds(5));  // what runs is looked through at most twice a second
  submit("c", {{"epochs", 2}});
  kube.run("a-1", clock.now());
  settle();
  EXPECT_THAT(metrics.render(), HasSubstr("oppen_eta_error_seconds_sum{start=\"late\"} 5\n"));
  // c was told (240 s + 240 s) / 2 slots.
  ASSERT_EQ(record("c").expected_wait_seconds, 240);
  clock.advance(seconds(100));
  kube.succeed("a-1", clock.now());
  settle();
  kube.run("c-1", clock.now());
  settle();
  EXPECT_THAT(metrics.render(), HasSubstr("oppen_eta_error_seconds_sum{start=\"early\"} 140\n"));
}

}  // namespace
}  // namespace oppen::core
