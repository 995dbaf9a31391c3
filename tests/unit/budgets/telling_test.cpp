// When a budget.state is due, and what it says.
#include "workers/cost/budgets/keeper/telling.hpp"

#include "tests/unit/budgets/given.hpp"

namespace oppen::budgets {
namespace {

using namespace std::chrono_literals;

class TellingTest : public testing::Test {
 protected:
  void spend(std::int64_t amount, const std::string& team = "vision") {
    const auto event = charge("job-" + std::to_string(++jobs), now, amount, team);
    ASSERT_TRUE(tally.add(event.job_id + "/1/0-1", event, now));
    telling.spent(event, now);
  }
  // What is due, and told.
  std::vector<std::int64_t> told() {
    std::vector<std::int64_t> spent;
    for (const auto& due : telling.due(now)) {
      spent.push_back(due.state.spent.value);
      telling.told(due.state, now);
    }
    return spent;
  }
  using Spent = std::vector<std::int64_t>;

  Time now = at("2026-11-20T12:00:00Z");
  int jobs = 0;
  Tally tally;
  Telling telling{tally};
};

TEST_F(TellingTest, ANewBudgetIsToldWithWhatWasSpentBeforeItWasSet) {
  spend(30);
  ASSERT_TRUE(telling.set(budget("b", 100)));
  EXPECT_EQ(told(), Spent{30});
  EXPECT_EQ(told(), Spent{});
}

TEST_F(TellingTest, AThresholdAtOnceAndTheRestNowAndThen) {
  ASSERT_TRUE(telling.set(budget("b", 100)));
  EXPECT_EQ(told(), Spent{0});
  now += 1s;
  spend(49);
  EXPECT_EQ(told(), Spent{});
  now += 1s;
  spend(1);
  EXPECT_EQ(told(), Spent{50});
  now += Telling::interval - 1s;
  spend(1);
  EXPECT_EQ(told(), Spent{});
  now += 1s;
  EXPECT_EQ(told(), Spent{51});
  // Once more, as what ended at that moment may not surely be in it.
  now += Telling::interval;
  EXPECT_EQ(told(), Spent{51});
  now += 10min;
  EXPECT_EQ(told(), Spent{});
}

// The scheduler waits for a state that is surely_contained, in the worst case, after the end: one is told.
TEST_F(TellingTest, TheLastStateIsLateEnoughForWhatEndedLast) {
  ASSERT_TRUE(telling.set(budget("b", 100)));
  EXPECT_EQ(told(), Spent{0});
  now += 10s;
  spend(1);
  now += Telling::interval -
         10s;  // 20 s after the charge: what ended with it may be rounded up to 25 s
  EXPECT_EQ(told(), Spent{1});
  now += Telling::interval;
  EXPECT_EQ(told(), Spent{1});
  now += Telling::interval;
  EXPECT_EQ(told(), Spent{});
}

TEST_F(TellingTest, WhatIsCommittedIsToldNowAndThenTooAndShrinksAsARunGoesOn) {
  ASSERT_TRUE(telling.set(budget("b", 100'000, "soft", {"vision", ""})));
  Commitment running{"vision", "", {600}, 600, now, std::nullopt};
  telling.committed({running, {"vision", "", {40}}, {"speech", "", {7'000}}});
  const auto first = telling.due(now);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].state.committed.value, 640);
  telling.told(first[0].state, now);
  now += Telling::interval - 1s;
  telling.committed({running});
  EXPECT_EQ(told(), Spent{});
  now += 1s;
  EXPECT_EQ(told(), Spent{0});
  now += charge_interval + settling + 300s - Telling::interval;
  const auto later = telling.due(now);
  ASSERT_EQ(later.size(), 1U);
  EXPECT_EQ(later[0].state.committed.value, 300);
  telling.told(later[0].state, now);
  telling.committed({});
  now += Telling::interval;
  EXPECT_EQ(told(), Spent{0});
  now += Telling::interval;
  EXPECT_EQ(told(), Spent{});
}

TEST_F(TellingTest, ABudgetThatIsExceededSaysSo) {
  ASSERT_TRUE(telling.set(budget("b", 100, "soft", {"vision", ""})));
  spend(1'000, "speech");
  spend(100);
  auto due = telling.due(now);
  ASSERT_EQ(due.size(), 1U);
  EXPECT_FALSE(due[0].state.exceeded);
  telling.told(due[0].state, now);
  spend(1);
  due = telling.due(now);
  ASSERT_EQ(due.size(), 1U);
  EXPECT_TRUE(due[0].state.exceeded);
  EXPECT_EQ(due[0].state.period_start, at("2026-11-01T00:00:00Z"));
  EXPECT_DOUBLE_EQ(due[0].used, 1.01);
}

TEST_F(TellingTest, WhatSomebodyElseHasSaidIsSaidAgain) {
  ASSERT_TRUE(telling.set(budget("b", 100)));
  spend(70);
  EXPECT_EQ(told(), Spent{70});
  telling.again("unknown");
  EXPECT_EQ(told(), Spent{});
  telling.again("b");
  EXPECT_EQ(told(), Spent{70});
  EXPECT_EQ(told(), Spent{});
}

TEST_F(TellingTest, ANewPeriodIsTold) {
  ASSERT_TRUE(telling.set(budget("b", 100)));
  spend(70);
  EXPECT_EQ(told(), Spent{70});
  now = at("2026-12-01T00:00:00Z");
  EXPECT_EQ(told(), Spent{0});
  spend(5);
  now += Telling::interval;
  EXPECT_EQ(told(), Spent{5});
}

TEST_F(TellingTest, WhatIsLoadedIsToldOnceMore) {
  spend(30);
  telling.load(budget("b", 100), ToldState{state("b", 20, at("2026-11-01T00:00:00Z")), now});
  EXPECT_EQ(told(), Spent{30});
  EXPECT_EQ(told(), Spent{});
}

TEST_F(TellingTest, AWithdrawnBudgetIsSilentAndAWrongOneChangesNothing) {
  ASSERT_TRUE(telling.set(budget("b", 100)));
  EXPECT_EQ(told(), Spent{0});
  auto wrong = budget("b", 50);
  wrong.thresholds = {2, 1};
  EXPECT_FALSE(telling.set(wrong));
  EXPECT_EQ(told(), Spent{});
  ASSERT_TRUE(telling.set(budget("b", 0)));
  spend(500);
  EXPECT_EQ(told(), Spent{});
  EXPECT_TRUE(telling.sets().empty());
}

TEST(ToldState, IsReadAsItWasWritten) {
  const ToldState told{state("b", 5, at("2026-11-01T00:00:00Z")), at("2026-11-20T12:00:00Z")};
  const auto again = read_told(to_text(told));
  ASSERT_TRUE(again);
  EXPECT_EQ(to_text(*again), to_text(told));
  EXPECT_FALSE(read_told("{}"));
}

}  // namespace
}  // namespace oppen::budgets
