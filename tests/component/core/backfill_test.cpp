// With backfill a job passes one that waits for room, as long as that one can't be delayed by it; without, nothing passes anything.
#include "tests/component/core/core_fixture.hpp"

namespace oppen::core {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;

class BackfillTest : public CoreTest {
 protected:
  void SetUp() override {
    CoreTest::SetUp();
    rule(true);
  }
  void rule(bool backfill, int slots = 10) {
    auto policy = *state->policy;
    policy.backfill_enabled = backfill;
    policy.max_concurrent_jobs = slots;
    state->policy = std::make_shared<const plan::Policy>(policy);
    state->quotas = {{"gpus", "", {{"gpus", 4}}, {}}};
  }
  void job(const std::string& id, int gpus, int max_runtime, const char* priority = "normal") {
    submit(id, {{"resources", {{"gpus", gpus}}},
                {"max_runtime_seconds", max_runtime},
                {"priority", priority}});
  }
  // Three of four GPUs are taken for at most 3630 s from now; `head` waits for all.
  void block(const char* priority = "normal") {
    job("wide", 3, 3'600);
    kube.run("wide-1", clock.now());
    settle();
    job("head", 4, 600, priority);
  }
  void end(const std::string& pod) {
    kube.succeed(pod, clock.now());
    settle();
  }
  std::vector<std::string> launched() const {
    std::vector<std::string> names;
    for (const auto& launch : kube.launches()) names.push_back(launch.pod_name);
    return names;
  }
  std::string head_waits() { return store->meta("head_waits").value().value_or(""); }
};

TEST_F(BackfillTest, WhatEndsInTimePassesAndTheHeadIsNotDelayed) {
  block();
  const auto bound =
      to_rfc3339(std::chrono::ceil<std::chrono::minutes>(Time(clock.now() + seconds(3'630))));
  EXPECT_EQ(head_waits(),
            "waits for quota gpus: needs 4 gpus, 1 gpu free; it can start by " + bound);
  job("too-long", 1, 3'301);  // 300 s to start, 3301 s, 30 s to stop: a second more than there is
  job("short", 1, 3'300);
  EXPECT_THAT(launched(), ElementsAre("wide-1", "short-1"));
  kube.run("short-1", clock.now());
  clock.advance(seconds(60));
  end("short-1");
  EXPECT_EQ(state_of("too-long"), JobState::queued);
  end("wide-1");
  EXPECT_THAT(launched(), ElementsAre("wide-1", "short-1", "head-1"));
  EXPECT_THAT(metrics.render(), ::testing::HasSubstr("oppen_backfilled_total 1\n"));
  kube.run("head-1", clock.now());
  end("head-1");
  EXPECT_THAT(launched(), ElementsAre("wide-1", "short-1", "head-1", "too-long-1"));
  EXPECT_EQ(head_waits(), "");
}

TEST_F(BackfillTest, WhereItIsOffNothingPasses) {
  rule(false);
  block();
  job("short", 1, 10);
  EXPECT_THAT(launched(), ElementsAre("wide-1"));
  EXPECT_EQ(head_waits(), "waits for quota gpus: needs 4 gpus, 1 gpu free");
  rule(true);  // applies at once
  settle();
  EXPECT_THAT(launched(), ElementsAre("wide-1", "short-1"));
}

TEST_F(BackfillTest, LowerPrioritiesPassTooInTheirOrder) {
  block("urgent");
  job("low", 0, 10, "background");
  job("mid", 0, 10);
  EXPECT_THAT(launched(), ElementsAre("wide-1", "low-1", "mid-1"));
  rule(false);
  job("low-2", 0, 10, "background");
  job("mid-2", 0, 10);
  rule(true);
  settle();
  EXPECT_THAT(launched(), ElementsAre("wide-1", "low-1", "mid-1", "mid-2-1", "low-2-1"));
}

TEST_F(BackfillTest, AnAttemptThatHasNotStartedMayTakeTheLaunchTimeoutToo) {
  job("wide", 3, 3'600);
  job("head", 4, 600);
  clock.advance(seconds(10));
  job("too-long", 1, 3'591);
  EXPECT_THAT(launched(), ElementsAre("wide-1"));
  job("short", 1, 3'590);
  EXPECT_THAT(launched(), ElementsAre("wide-1", "short-1"));
}

TEST_F(BackfillTest, ACancelBringsTheReservationForward) {
  block();
  cancel("wide");
  ASSERT_EQ(state_of("wide"), JobState::cancelling);
  job("short", 1, 10);
  EXPECT_EQ(state_of("short"), JobState::queued) << "the head can start in 30 s";
}

TEST_F(BackfillTest, LooksAgainOnlyWhenSomethingHasChanged) {
  const auto decisions = [this] {
    const auto page = metrics.render();
    const std::string name = "oppen_decision_seconds_count ";
    return std::stoi(page.substr(page.find(name) + name.size()));
  };
  block();
  auto before = decisions();
  for (int i = 0; i < 5; ++i) settle();
  EXPECT_EQ(decisions(), before);
  ASSERT_TRUE(attempts->tick());  // time may have changed what may pass
  settle();
  EXPECT_EQ(decisions(), before + 1);
  before = decisions();
  job("too-long", 1, 9'999);
  EXPECT_EQ(decisions(), before + 1);
  end("wide-1");
  EXPECT_THAT(launched(), ElementsAre("wide-1", "head-1"));
}

TEST_F(BackfillTest, OnlySoManyAreOnTheirWayAtOnce) {
  rule(true, 400);
  block();
  kube.hold_answers(true);
  for (int i = 0; i < 300; ++i) job("small-" + std::to_string(i), 0, 10);
  const auto at_once = kube.launches().size();
  EXPECT_LE(at_once, 129U);
  EXPECT_GT(at_once, 50U);
  kube.hold_answers(false);
  kube.release_answers();
  settle();
  EXPECT_EQ(kube.launches().size(), 301U);
  EXPECT_EQ(state_of("head"), JobState::queued);
}

TEST_F(BackfillTest, OneThatTheApiServerRefusesReturnsToItsPlaceAndIsTriedAlone) {
  block();
  kube.script_launch(kube::LaunchResult::over_quota, "exceeded quota");
  job("a", 1, 10);
  EXPECT_EQ(state_of("a"), JobState::queued);
  EXPECT_EQ(record("a").attempt, 0);
  job("b", 0, 10);
  EXPECT_THAT(launched(), ElementsAre("wide-1", "a-1")) << "it is not asked again at once";
  kube.hold_answers(true);
  attempts->quota_changed();
  settle();
  EXPECT_THAT(launched(), ElementsAre("wide-1", "a-1", "a-1")) << "one at a time";
  kube.hold_answers(false);
  kube.release_answers();
  settle();
  EXPECT_THAT(launched(), ElementsAre("wide-1", "a-1", "a-1", "b-1"));
}

}  // namespace
}  // namespace oppen::core
