// Which attempts are followed by another, and when: each class of failure, up to its bound and past it.
#include "scheduler/core/retry.hpp"

#include <gtest/gtest.h>

namespace oppen::core {
namespace {

using std::chrono::seconds;

const Time ended{std::chrono::hours(24)};

class RetryTest : public ::testing::Test {
 protected:
  RetryTest() {
    policy.max_fault_retries = 4;
    policy.retry_hold_seconds = 10;
    job.launched = true;
    job.node = "node-1";
    job.attempt = 1;
  }

  // How many attempts there are when each ends like this; and after how many seconds the next one begins.
  struct Course {
    int attempts = 0;
    std::vector<std::int64_t> holds;
    bool operator==(const Course&) const = default;
  };
  Course course(FailureClass failure, int max_retries) {
    auto record = job;
    record.spec.max_retries = max_retries;
    Course course;
    for (;;) {
      ++course.attempts;
      const auto retry = retry_after(record, failure, policy, ended);
      if (!retry || course.attempts > 100) return course;
      course.holds.push_back(
          std::chrono::duration_cast<seconds>(retry->not_before - ended).count());
      const auto [node, launched] = std::pair(record.node, record.launched);
      JobRequeued event;
      event.failure = failure;
      event.end.node = node;
      if (retry->not_before > ended) event.retry_at = retry->not_before;
      take_retry(record, event);
      record.attempt += 1;
      record.node = node;
      record.launched = launched;
    }
  }

  plan::Policy policy;
  queue::JobRecord job;
};

TEST_F(RetryTest, FaultsCostNothingOfMaxRetriesAndHaveABoundOfTheirOwn) {
  for (const auto failure : {FailureClass::node, FailureClass::lost, FailureClass::preempted}) {
    EXPECT_EQ(course(failure, 0), (Course{5, {0, 0, 0, 0}}));
    EXPECT_EQ(course(failure, 2), (Course{7, {0, 0, 0, 0, 10, 20}})) << "beyond it they cost one";
  }
}

TEST_F(RetryTest, WhatDoesNotStartOnThreeNodesIsGivenUp) {
  for (const int max_retries : {0, 1, 2})
    EXPECT_EQ(course(FailureClass::launch, max_retries), (Course{3, {0, 0}})) << max_retries;
}

TEST_F(RetryTest, WhatNoNodeTookIsHeldBefore) {
  job.node.clear();
  EXPECT_EQ(course(FailureClass::launch, 1), (Course{3, {10, 20}}));
  policy.max_fault_retries = 0;
  EXPECT_EQ(course(FailureClass::launch, 1), (Course{1, {}}));
}

TEST_F(RetryTest, WhatTheApiServerRefusesIsNotTriedAgain) {
  job.node.clear();
  job.launched = false;
  EXPECT_EQ(course(FailureClass::launch, 2), (Course{1, {}}));
}

TEST_F(RetryTest, TheProgramsOwnFailuresCostTheirRetriesWithAHoldThatDoubles) {
  for (const auto failure : {FailureClass::user_error, FailureClass::oom}) {
    EXPECT_EQ(course(failure, 0), (Course{1, {}}));
    EXPECT_EQ(course(failure, 3), (Course{4, {10, 20, 40}}));
  }
  const auto many = course(FailureClass::user_error, 12).holds;
  EXPECT_EQ(many.back(), 3'600);
}

TEST_F(RetryTest, FaultsBeforeDoNotCountAsTheProgramsFailures) {
  job.attempt = 4;
  job.faults = 3;
  EXPECT_EQ(course(FailureClass::user_error, 1), (Course{2, {10}}));
}

TEST_F(RetryTest, ADeadlineIsFinal) {
  EXPECT_EQ(course(FailureClass::deadline, 5), (Course{1, {}}));
}

}  // namespace
}  // namespace oppen::core
