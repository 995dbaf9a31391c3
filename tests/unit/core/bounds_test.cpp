// How long an attempt may take at the most: never less than what Kubernetes and the scheduler let it take.
#include "scheduler/core/bounds.hpp"

#include <gtest/gtest.h>

namespace oppen::core {
namespace {

using std::chrono::seconds;

const Time now{std::chrono::hours(24)};

class BoundsTest : public ::testing::Test {
 protected:
  BoundsTest() {
    policy.launch_timeout_seconds = 300;
    policy.cancel_grace_seconds = 20;
    policy.model_catalog["slow"].pod_template_json = R"({"terminationGracePeriodSeconds": 600})";
    live.state = JobState::launching;
    live.spec.model_type = "mnist";
    live.spec.max_runtime_seconds = 1'000;
    live.launching_at = now - seconds(50);
  }
  Time ends_by(std::optional<Time> delete_by = std::nullopt) {
    return Bounds(policy).ends_by(live, delete_by, now);
  }

  plan::Policy policy;
  queue::JobRecord live;
};

TEST_F(BoundsTest, AJobMayTakeTheLaunchTimeoutItsRunTimeAndItsGrace) {
  EXPECT_EQ(Bounds(policy).longest_seconds(live.spec), 300 + 1'000 + 30);
  live.spec.model_type = "slow";
  EXPECT_EQ(Bounds(policy).longest_seconds(live.spec), 300 + 1'000 + 600);
  live.spec.max_runtime_seconds.reset();
  EXPECT_EQ(Bounds(policy).longest_seconds(live.spec), 0) << "not bounded";
}

TEST_F(BoundsTest, WhatHasNotStartedMayDoSoUntilTheLaunchTimeout) {
  EXPECT_EQ(ends_by(), now + seconds(250 + 1'000 + 30));
  live.launching_at = now - seconds(900);  // the API server is away
  EXPECT_EQ(ends_by(), now + seconds(1'000 + 30));
}

TEST_F(BoundsTest, WhatRunsEndsItsRunTimeAndGraceAfterItsStart) {
  live.state = JobState::running;
  live.started_at = now - seconds(40);
  EXPECT_EQ(ends_by(), now + seconds(960 + 30));
  live.spec.model_type = "slow";
  EXPECT_EQ(ends_by(), now + seconds(960 + 600));
  live.spec.max_runtime_seconds.reset();
  EXPECT_EQ(ends_by(), Time::max());
}

TEST_F(BoundsTest, WhatIsBeingDeletedEndsWithItsGrace) {
  live.started_at = now - seconds(40);
  live.state = JobState::cancelling;
  EXPECT_EQ(ends_by(), now + seconds(20));
  EXPECT_EQ(ends_by(now + seconds(7)), now + seconds(7)) << "as the API server says";
  live.state = JobState::running;
  EXPECT_EQ(ends_by(now + seconds(7)), now + seconds(7)) << "deleted by somebody";
  live.give_up = "it did not start";
  EXPECT_EQ(ends_by(), now);
}

}  // namespace
}  // namespace oppen::core
