// What the rules of the queue, of failures, budgets and workers see.
#include <fmt/format.h>

#include "tests/unit/alerts/at.hpp"
#include "workers/anomaly/worker/lagging.hpp"

namespace oppen::anomaly {
namespace {

using testing::HasSubstr;
using What = JobChange::What;

TEST(QueueStalled, WhenNothingRunsThatCould) {
  Told rule(queue_stalled());
  EXPECT_FALSE(rule.holds(at(0s), "queue_stalled"));
  rule.tell(change_of("a", 1, What::queued), at(0s));
  EXPECT_TRUE(rule.holds(at(1min), "queue_stalled"));
  rule.tell(change_of("a", 2, What::launched), at(1min));
  EXPECT_FALSE(rule.holds(at(2min), "queue_stalled"));
  rule.tell(change_of("b", 1, What::queued), at(2min));
  EXPECT_FALSE(rule.holds(at(3min), "queue_stalled"))
      << "whether there is room for two is not known";
  rule.tell(change_of("b", 2, What::launched), at(3min));
  rule.tell(change_of("b", 3, What::ended), at(4min));
  rule.tell(change_of("c", 1, What::queued), at(4min));
  rule.look(at(5min));
  rule.restart(queue_stalled());
  const auto found = rule.look(at(6min), "queue_stalled");
  EXPECT_TRUE(found->holds) << "two have run at once";
  EXPECT_THAT(found->summary, HasSubstr("c is the first"));
  rule.tell(change_of("c", 1, What::ended), at(6min));  // an event of old
  EXPECT_TRUE(rule.holds(at(7min), "queue_stalled"));
}

TEST(QueueStalled, WhatMayNotFitIsSaidAsThat) {
  Told rule(queue_stalled());
  auto large = change_of("large", 1, What::queued);
  large.job.resources.gpus = 16;
  rule.tell(large, at(0s));
  EXPECT_EQ(rule.look(at(1min), "queue_stalled")->severity, "warning");
  rule.tell(NodeObserved{"node-1", 8, "A100", 0, 0, "ready"}, at(1min));
  auto found = rule.look(at(2min), "queue_stalled");
  EXPECT_EQ(found->severity, "warning");
  EXPECT_THAT(found->summary, HasSubstr("may not fit; large is the first"));
  rule.tell(change_of("small", 1, What::queued), at(2min));
  found = rule.look(at(3min), "queue_stalled");
  EXPECT_EQ(found->severity, "critical");
  EXPECT_THAT(found->summary, HasSubstr("1 jobs wait that could run"));
  rule.tell(NodeObserved{"node-2", 8, "A100", 0, 0, "ready"}, at(3min));
  EXPECT_EQ(rule.look(at(4min), "queue_stalled")->actual, 2);
}

TEST(Scene, AJobOfWhichNothingIsHeardIsForgotten) {
  Scene scene;
  EXPECT_TRUE(scene.take({at(0s), "id", at(0s), change_of("a", 1, What::queued)}));
  scene.forget(at(30 * 24h));
  EXPECT_NE(scene.job("a"), nullptr);
  EXPECT_TRUE(scene.take({at(30 * 24h), "id", at(30 * 24h), change_of("a", 2, What::amended)}));
  scene.forget(at(60 * 24h));
  EXPECT_NE(scene.job("a"), nullptr);
  scene.forget(at(60 * 24h + 1s));
  EXPECT_EQ(scene.job("a"), nullptr);
}

TEST(QueueStalled, NotWhenJobsHaveSomethingToWaitFor) {
  Told rule(queue_stalled());
  auto later = change_of("later", 1, What::queued);
  later.window = "off_peak";
  rule.tell(later, at(0s));
  EXPECT_FALSE(rule.holds(at(1min), "queue_stalled")) << "noon is no off-peak hour";
  EXPECT_TRUE(rule.holds(at(11h), "queue_stalled"));
  rule.tell(change_of("later", 2, What::ended), at(11h));

  auto behind = change_of("behind", 1, What::queued);
  behind.after = {"other"};
  auto other = change_of("other", 1, What::queued);
  other.window = "off_peak";
  rule.tell(other, at(12h));
  rule.tell(behind, at(12h));
  EXPECT_FALSE(rule.holds(at(24h), "queue_stalled"));
  rule.tell(change_of("other", 2, What::ended), at(24h));
  EXPECT_TRUE(rule.holds(at(24h), "queue_stalled"));

  rule.tell(BudgetSet{"vision", {"vision", ""}, "month", {1'000}, {}, "hard"}, at(24h));
  BudgetState state;
  state.budget_id = "vision";
  state.spent = {900};
  state.committed = {101};
  rule.tell(state, at(24h));
  EXPECT_FALSE(rule.holds(at(24h), "queue_stalled"));
  state.committed = {50};
  rule.tell(state, at(24h));
  EXPECT_TRUE(rule.holds(at(24h), "queue_stalled"));

  PolicyChanged policy;
  policy.overrides = {{"queue_paused", "true", at(25h), ""}};
  rule.tell(policy, at(24h));
  EXPECT_FALSE(rule.holds(at(24h), "queue_stalled"));
  EXPECT_TRUE(rule.holds(at(25h), "queue_stalled"));
  auto again = change_of("behind", 2, What::requeued);
  again.retry_at = at(26h);
  rule.tell(again, at(25h));
  EXPECT_FALSE(rule.holds(at(25h), "queue_stalled"));
}

class FailureBurstTest : public testing::Test {
 protected:
  void fail(int count, const std::string& team, const std::string& model,
            std::chrono::seconds when) {
    for (int i = 0; i < count; ++i) {
      auto change = change_of(fmt::format("j{}", ++number_), 1, What::ended);
      change.job.state = JobState::failed;
      change.job.team = team;
      change.job.model_type = model;
      change.failure = FailureClass::oom;
      rule_.tell(change, at(when));
    }
  }
  void succeed(int count, std::chrono::seconds when) {
    for (int i = 0; i < count; ++i)
      rule_.tell(change_of(fmt::format("j{}", ++number_), 1, What::ended), at(when));
  }
  std::vector<std::string> told(std::chrono::seconds when) {
    std::vector<std::string> all;
    for (const auto& finding : rule_.look(at(when))) {
      if (finding.holds)
        all.push_back(finding.labels.begin()->first + "=" + finding.labels.begin()->second);
    }
    return all;
  }
  Told rule_{failure_burst()};
  int number_ = 0;
};

TEST_F(FailureBurstTest, OfOneModelIsToldOnce) {
  fail(4, "speech", "asr", 0s);
  EXPECT_TRUE(told(1min).empty());
  fail(2, "speech", "asr", 1min);
  EXPECT_EQ(told(2min), std::vector<std::string>{"model_type=asr"});
  EXPECT_TRUE(told(40min).empty());
}

TEST_F(FailureBurstTest, OverManyModelsIsOfTheirTeamOrClass) {
  for (int i = 0; i < 6; ++i) fail(1, "speech", fmt::format("m{}", i), 0s);
  EXPECT_EQ(told(1min), std::vector<std::string>{"team=speech"});
  for (int i = 0; i < 6; ++i) fail(1, fmt::format("t{}", i), fmt::format("n{}", i), 1h);
  EXPECT_EQ(told(61min), std::vector<std::string>{"class=oom"});
  const auto found = rule_.look(at(61min));
  EXPECT_EQ(found.back().causes.front().explanation, "1 of the 6 that failed");
}

TEST_F(FailureBurstTest, NotWhenItIsUsualOrASmallPart) {
  succeed(30, 0s);
  fail(6, "vision", "mnist", 0s);
  EXPECT_TRUE(told(1min).empty()) << "one in six";
  // Each half hour six fail, for two weeks.
  for (auto minute = 60min; minute < 14 * 24h; minute += 30min) {
    fail(6, "vision", "mnist", minute);
    for (int i = 0; i < 30; ++i) rule_.look(at(minute + std::chrono::minutes(i)));
  }
  rule_.restart(failure_burst());
  fail(6, "vision", "mnist", 14 * 24h);
  EXPECT_TRUE(told(14 * 24h + 1min).empty());
  fail(20, "vision", "mnist", 14 * 24h + 2min);
  EXPECT_EQ(told(14 * 24h + 3min), std::vector<std::string>{"model_type=mnist"});
}

TEST(BudgetsTold, ThresholdsThenExceededThenANewPeriod) {
  Told rule(budgets_told());
  BudgetSet set{"vision", {"vision", ""}, "month", {100'000'000}, {50, 80}, "soft"};
  rule.tell(set, at(0s));
  BudgetState state;
  state.budget_id = "vision";
  state.period_start = *parse_rfc3339("2026-01-01T00:00:00Z");
  state.spent = {60'000'000};
  rule.tell(state, at(1min));
  auto found = rule.look(at(1min));
  ASSERT_EQ(found.size(), 2);
  EXPECT_TRUE(found[0].holds);
  EXPECT_EQ(found[0].severity, "info");
  EXPECT_EQ(found[0].badness, 50);
  EXPECT_EQ(found[0].labels, (Labels{{"budget", "vision"}, {"team", "vision"}}));
  EXPECT_THAT(found[0].summary, HasSubstr("$60.00 of $100.00 is spent, 60 % (threshold 50 %)"));
  EXPECT_FALSE(found[1].holds);
  state.spent = {101'000'000};
  rule.tell(state, at(2min));
  rule.restart(budgets_told());
  found = rule.look(at(2min));
  EXPECT_EQ(found[0].severity, "warning");
  EXPECT_TRUE(found[1].holds);
  EXPECT_EQ(found[1].impact->value, 1'000'000);
  found = rule.look(*parse_rfc3339("2026-02-01T00:00:00Z"));
  EXPECT_FALSE(found[0].holds);
  EXPECT_FALSE(found[1].holds);
  set.amount = {0};
  rule.tell(set, at(3min));
  EXPECT_TRUE(rule.look(at(3min)).empty());
}

TEST(WorkerLagging, SinceTheLogWentBeyondWhatIsCommitted) {
  const client::TopicPartition log{"jobs", 0};
  Lagging rule;
  rule.passed(at(0s), {{log, 10}});
  rule.passed(at(1min), {{log, 10}});
  EXPECT_FALSE(rule.look(at(20min), "w", {{log, 10}}).front().holds) << "nothing new came";
  rule.passed(at(20min), {{log, 15}});
  EXPECT_FALSE(rule.look(at(29min), "w", {{log, 12}}).front().holds);
  const auto found = rule.look(at(30min), "w", {{log, 12}});
  ASSERT_TRUE(found.front().holds);
  EXPECT_EQ(found.front().summary,
            "w is behind on jobs: by 3 records, some of them since 10 minutes");
  EXPECT_FALSE(rule.look(at(30min), "w", {{log, 15}}).front().holds);
  EXPECT_TRUE(rule.look(at(30min), "w", {}).empty()) << "it was never there";
}

TEST(WorkerLagging, NotOfWhatWasThereBeforeAllWasDown) {
  const client::TopicPartition log{"jobs", 0};
  Lagging rule;
  rule.passed(at(0s), {{log, 10}});
  rule.passed(at(10min), {{log, 10}});
  EXPECT_TRUE(rule.look(at(10min), "w", {{log, 5}}).front().holds);
  rule.passed(at(12h), {{log, 10}});
  EXPECT_FALSE(rule.look(at(12h), "w", {{log, 5}}).front().holds);
  rule.passed(at(12h + 10min), {{log, 10}});
  EXPECT_TRUE(rule.look(at(12h + 10min), "w", {{log, 5}}).front().holds);
}

}  // namespace
}  // namespace oppen::anomaly
