// Budgets: what there is no room for waits and stands in nobody's way, whatever dies in between, and goes on when there is room again.
// Amounts are in prices of one job, whatever that is estimated at.
#include "scheduler/core/budgets.hpp"

#include <cmath>
#include <set>

#include "scheduler/core/budget_gate.hpp"
#include "scheduler/core/compare.hpp"
#include "scheduler/queue/reader.hpp"
#include "tests/component/core/core_fixture.hpp"

namespace oppen::core {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using ::testing::HasSubstr;

class BudgetsTest : public CoreTest {
 protected:
  void SetUp() override {
    CoreTest::SetUp();
    renew();
  }
  void renew() {
    budgets = std::make_unique<Budgets>(*state);
    ASSERT_TRUE(budgets->load());
    auto policy = *state->policy;
    policy.max_concurrent_jobs = 10;
    state->policy = std::make_shared<const plan::Policy>(policy);
  }
  void next_leader(std::int64_t epoch) {
    budgets.reset();
    begin_term(epoch);
    renew();
  }

  client::ConsumedRecord control(std::string_view type, const json& data) {
    const CloudEvent event{"id", "/test", std::string(type), clock.now(), "", data};
    return {"control", 0, next_control++, clock.now(), encode(event, "key")};
  }
  std::optional<std::string> say(const client::ConsumedRecord& record) {
    const auto event = decode(record.record).value();
    const auto fault = budgets->on_control(event, record);
    EXPECT_TRUE(fault) << fault.error().message;
    look();
    return fault ? *fault : std::nullopt;
  }
  void look() {
    ASSERT_TRUE(budgets->tick());
    settle();
  }
  std::optional<std::string> set(const std::string& id, std::int64_t amount,
                                 const std::string& mode = "hard", const std::string& team = "") {
    json data{{"budget_id", id}, {"period", "month"}, {"amount_microusd", amount}, {"mode", mode}};
    if (!team.empty()) data["scope"] = {{"team", team}};
    const auto fault = say(control(BudgetSet::type, data));
    if (amount > 0 && summed.insert(id).second) told(id, 0);
    return fault;
  }
  void told(const std::string& id, std::int64_t spent) {
    BudgetState told;
    told.budget_id = id;
    told.period_start = budgets::period_at("month", clock.now()).start;
    told.spent = {spent};
    EXPECT_EQ(say(control(BudgetState::type, to_data(told))), std::nullopt);
  }
  void decide(const std::string& job, const std::string& decision) {
    EXPECT_EQ(say(control(ApprovalDecided::type,
                          {{"job_id", job}, {"decision", decision}, {"by", "ana"}})),
              std::nullopt);
  }
  void submit_of(const std::string& team, const std::string& id) { submit(id, {{"team", team}}); }
  void run(const std::string& id) {
    kube.run(id + "-1", clock.now());
    settle();
  }
  void finish(const std::string& id) {
    kube.succeed(id + "-1", clock.now());
    settle();
    ASSERT_EQ(state_of(id), JobState::succeeded);
    look();
  }
  bool held(const std::string& id) {
    return state_of(id) == JobState::queued && record(id).hold == queue::Hold::budget;
  }
  bool launched(const std::string& id) { return state_of(id) == JobState::launching; }
  // What Redis counts is what the records add up to.
  void expect_sums() {
    std::vector<LiveView> live;
    for (const auto& [id, record] : state->live) live.push_back(view_of(record));
    const auto counters = store->counters().value();
    std::vector<Drift> drifts;
    compare_sums(sums_of(live, counters), sums_of(counters), live, true, drifts);
    for (const auto& drift : drifts)
      ADD_FAILURE() << drift.kind << " " << drift.subject << ": " << drift.found;
    std::map<std::string, MicroUsd> reserved;
    const auto waiting = queue::QueueReader(*redis, "oppen.").queued("", 1'000).value().jobs;
    for (const auto& job : waiting) {
      if (job.reserved)
        reserved[queue::pair_of(job.spec.team, job.spec.project)] += job.estimated_cost;
    }
    EXPECT_EQ(counters.reserved, reserved);
  }
  void slots(int count) {
    auto policy = *state->policy;
    policy.max_concurrent_jobs = count;
    state->policy = std::make_shared<const plan::Policy>(policy);
    settle();
  }

  std::unique_ptr<Budgets> budgets;
  std::int64_t next_control = 0;
  std::set<std::string> summed;  // of which a state was told
};

TEST_F(BudgetsTest, WhatThereIsNoRoomForWaitsAndStandsInNobodysWay) {
  submit_of("vision", "first");
  const auto price = record("first").estimated_cost.value;
  ASSERT_GT(price, 0);
  set("vision", 2 * price + price / 2, "hard", "vision");
  submit_of("vision", "second");
  submit_of("vision", "third");
  submit_of("speech", "other");
  EXPECT_TRUE(launched("second"));
  EXPECT_TRUE(held("third"));
  EXPECT_TRUE(launched("other"));
  expect_sums();
  // Raised, it goes on; nothing else had to happen.
  set("vision", 3 * price, "hard", "vision");
  EXPECT_TRUE(launched("third"));
  expect_sums();
}

TEST_F(BudgetsTest, ManyAtOnceCannotSlipThrough) {
  submit("sample");
  const auto price = record("sample").estimated_cost.value;
  set("all", 4 * price);
  json jobs = json::array();
  for (int i = 0; i < 8; ++i)
    jobs.push_back({{"job_id", "b" + std::to_string(i)}, {"model_type", "mnist"}});
  send({{"batch_id", "many"}, {"jobs", jobs}});
  look();
  int running = 0;
  int waiting = 0;
  for (int i = 0; i < 8; ++i) {
    running += launched("b" + std::to_string(i));
    waiting += held("b" + std::to_string(i));
  }
  EXPECT_EQ(running, 3);
  EXPECT_EQ(waiting, 5);
  expect_sums();
}

// A job that waits for its turn has its room: what comes later, or passes it, can't take it.
TEST_F(BudgetsTest, WhatWaitsForItsTurnKeepsItsRoom) {
  slots(1);
  submit_of("vision", "first");
  const auto price = record("first").estimated_cost.value;
  set("vision", 3 * price, "hard", "vision");
  for (const auto* const id : {"second", "third", "fourth"}) submit_of("vision", id);
  submit("other", {{"team", "vision"}, {"window", "off_peak"}});
  EXPECT_TRUE(record("second").reserved);
  EXPECT_TRUE(record("third").reserved);
  EXPECT_TRUE(held("fourth"));
  EXPECT_TRUE(held("other"));
  EXPECT_EQ(store->counters().value().reserved.at("vision -").value, 2 * price);
  expect_sums();
  cancel("second");
  look();
  EXPECT_FALSE(held("fourth"));
  EXPECT_TRUE(held("other"));
  expect_sums();
  slots(10);
  EXPECT_TRUE(launched("third"));
  EXPECT_TRUE(launched("fourth"));
  EXPECT_TRUE(store->counters().value().reserved.empty());
  expect_sums();
  set("vision", 4 * price, "hard", "vision");
  EXPECT_TRUE(record("other").reserved);
  EXPECT_EQ(record("other").hold, queue::Hold::window);
  expect_sums();
}

// Dearer, it needs more than it keeps.
TEST_F(BudgetsTest, AnAmendedJobKeepsWhatItCostsThen) {
  submit("first", {{"spot", true}});
  const auto price = record("first").estimated_cost.value;
  set("all", 2 * price);
  slots(1);
  submit("second", {{"spot", true}});
  ASSERT_TRUE(record("second").reserved);
  const auto amend = [this](bool spot) {
    EXPECT_EQ(
        handle(command(JobAmend::type, {{"job_id", "second"}, {"changes", {{"spot", spot}}}})),
        std::nullopt);
    settle();
  };
  amend(false);
  EXPECT_TRUE(held("second"));
  expect_sums();
  amend(true);
  look();
  EXPECT_TRUE(record("second").reserved);
  expect_sums();
}

TEST_F(BudgetsTest, WhatWaitsForAnotherJobIsJudgedWhenThatHasEnded) {
  submit("first");
  const auto price = record("first").estimated_cost.value;
  set("all", price);
  submit("next", {{"after", {"first"}}});
  EXPECT_FALSE(record("next").reserved);
  run("first");
  clock.advance(60s);
  finish("first");
  EXPECT_TRUE(held("next"));  // what the first has cost is not told yet
  expect_sums();
}

TEST_F(BudgetsTest, WhatHasEndedCountsUntilItIsToldAsSpent) {
  submit("first");
  const auto price = record("first").estimated_cost.value;
  set("all", price + price / 2);
  submit("second");
  ASSERT_TRUE(held("second"));
  run("first");
  clock.advance(120s);
  finish("first");
  EXPECT_TRUE(held("second"));  // nobody has told what it cost
  next_leader(2);
  look();
  EXPECT_TRUE(held("second"));
  clock.advance(30s);
  told("all", price);
  EXPECT_TRUE(held("second"));
  told("all", price / 2);  // it was cheaper than it was estimated
  EXPECT_TRUE(launched("second"));
  expect_sums();
}

// Both are one commit, and the approved one alone takes more than there is room for.
TEST_F(BudgetsTest, AnApprovedJobGoesTogetherWithOneThatThereIsRoomFor) {
  auto policy = *state->policy;
  policy.max_concurrent_jobs = 1;
  state->policy = std::make_shared<const plan::Policy>(policy);
  submit("first");
  const auto price = record("first").estimated_cost.value;
  set("ask", 2 * price + price / 2, "approval");
  submit("fits");
  submit("approved");
  decide("approved", "approve");
  policy.max_concurrent_jobs = 10;
  state->policy = std::make_shared<const plan::Policy>(policy);
  settle();
  EXPECT_TRUE(launched("fits"));
  EXPECT_TRUE(launched("approved"));
  expect_sums();
}

// The room goes and comes back between two looks, and a job was held in between.
TEST_F(BudgetsTest, WhoIsHeldBetweenTwoLooksIsLookedAtToo) {
  submit("sample");
  const auto price = record("sample").estimated_cost.value;
  set("all", 2 * price);
  submit("passing");
  submit("second");
  ASSERT_TRUE(held("second"));
  cancel("passing");
  look();
  EXPECT_TRUE(launched("second"));
}

// The room comes back, and before the next look somebody else is submitted.
TEST_F(BudgetsTest, ANewcomerDoesNotPassWhoIsHeld) {
  submit("first");
  const auto price = record("first").estimated_cost.value;
  set("all", price);
  submit("second");
  look();
  ASSERT_TRUE(held("second"));
  cancel("first");
  submit("third");
  EXPECT_TRUE(held("third"));
  look();
  EXPECT_TRUE(launched("second"));
  EXPECT_TRUE(held("third"));
  cancel("second");
  look();
  EXPECT_TRUE(launched("third"));
  // Nobody is held any more.
  cancel("third");
  submit("fourth");
  EXPECT_TRUE(launched("fourth"));
  expect_sums();
}

// As a version without budgets leaves them: the end of such an attempt took away what nobody had added.
TEST_F(BudgetsTest, WhatRanBeforeThereWereSumsIsInThem) {
  submit_of("vision", "first");
  ASSERT_TRUE(launched("first"));
  ASSERT_TRUE(redis->command({"HDEL", "{oppen.scheduler}:counters", "committed:vision -"}));
  ASSERT_TRUE(redis->command({"HSET", "{oppen.scheduler}:counters", "committed:gone -", "-7"}));
  next_leader(2);
  ASSERT_TRUE(sum_committed(*state));
  expect_sums();
  EXPECT_FALSE(state->counters.committed.contains("gone -"));
  cancel("first");
  expect_sums();
  EXPECT_TRUE(store->counters().value().committed.empty());
}

TEST_F(BudgetsTest, ANewPeriodFreesThem) {
  submit("first");
  const auto price = record("first").estimated_cost.value;
  set("all", price);
  told("all", price);
  cancel("first");
  submit("second");
  EXPECT_TRUE(held("second"));
  clock.advance(32 * 24h);
  look();
  EXPECT_TRUE(launched("second"));
}

// Of a new budget nobody knows yet what is spent: it holds, and asks nobody for an approval of an unknown sum.
TEST_F(BudgetsTest, WhatIsNotSummedYetHolds) {
  summed = {"hard", "ask"};
  set("hard", 1'000'000'000);
  submit("first");
  EXPECT_TRUE(held("first"));
  set("hard", 0);
  EXPECT_TRUE(launched("first"));
  set("ask", 1, "approval");
  submit("second");
  EXPECT_TRUE(held("second"));
  EXPECT_EQ(story("second"), "job.queued");
  told("ask", 1);
  EXPECT_EQ(story("second"), "job.queued proposal.created");
}

// The sums of a keeper that is dead are counted with for an hour, though the room of nothing changes.
TEST_F(BudgetsTest, WhatIsNeverToldIsForgottenByTheClock) {
  submit("first");
  const auto price = record("first").estimated_cost.value;
  set("all", price + price / 2);
  run("first");
  clock.advance(120s);
  finish("first");
  ASSERT_EQ(store->unseen().value().size(), 1U);
  clock.advance(30s);
  told("all", 0);  // from here on the room is what it is
  clock.advance(unseen_kept + 1min);
  look();
  EXPECT_EQ(store->unseen().value().size(), 0U);
}

TEST_F(BudgetsTest, AnotherLeaderHoldsWhatTheFirstHeld) {
  submit("first");
  const auto price = record("first").estimated_cost.value;
  set("all", price);
  submit("second");
  ASSERT_TRUE(held("second"));
  next_leader(2);
  look();
  EXPECT_TRUE(held("second"));
  submit("third");
  EXPECT_TRUE(held("third"));
  set("all", 0);  // withdrawn
  EXPECT_TRUE(launched("second"));
  EXPECT_TRUE(launched("third"));
}

TEST_F(BudgetsTest, AnApprovalLetsOneJobPassAndARejectionEndsIt) {
  submit("first");
  const auto price = record("first").estimated_cost.value;
  set("ask", price, "approval");
  for (const auto* const id : {"yes", "no", "perhaps"}) {
    submit(id);
    EXPECT_TRUE(held(id)) << id;
  }
  look();
  const auto proposals = events("yes");
  ASSERT_EQ(proposals.back().first, ProposalCreated::type);
  EXPECT_EQ(proposals.back().second["kind"], "budget_approval");
  EXPECT_EQ(proposals.back().second["evidence"]["budget_id"], "ask");
  decide("yes", "approve");
  EXPECT_TRUE(launched("yes"));
  EXPECT_EQ(record("yes").approved_by, "ana");
  decide("no", "reject");
  EXPECT_EQ(state_of("no"), JobState::cancelled);
  EXPECT_EQ(last_event("no")["requested_by"], "ana");
  EXPECT_TRUE(held("perhaps"));
  decide("yes", "reject");  // it runs: nothing is killed
  EXPECT_TRUE(launched("yes"));
  expect_sums();
}

// A hard budget was in its way; then one that asks, in this month and the next.
TEST_F(BudgetsTest, WhoWaitsIsProposedToWhoeverCanLetItGoNow) {
  const auto asked = [this] {
    std::vector<std::string> ids;
    for (const auto& [type, data] : events("job")) {
      if (type == ProposalCreated::type) ids.push_back(data["evidence"]["budget_id"]);
    }
    return ids;
  };
  using Ids = std::vector<std::string>;
  set("a-hard", 1);
  submit("job");
  ASSERT_TRUE(held("job"));
  EXPECT_EQ(asked(), Ids{});
  set("ask", 1, "approval");
  EXPECT_EQ(asked(), Ids{});
  set("a-hard", 0);
  EXPECT_EQ(asked(), Ids{"ask"});
  look();
  told("ask", 0);
  EXPECT_EQ(asked(), Ids{"ask"});
  clock.advance(32 * 24h);
  look();
  EXPECT_EQ(asked(), (Ids{"ask", "ask"}));
  EXPECT_TRUE(held("job"));
}

// What was approved was this run at this estimate.
TEST_F(BudgetsTest, AnApprovalEndsWithTheRunAndTheEstimateItWasGivenFor) {
  set("ask", 1, "approval");
  submit("job", {{"max_retries", 1}});
  ASSERT_TRUE(held("job"));
  auto policy = *state->policy;
  policy.queue_paused = true;
  state->policy = std::make_shared<const plan::Policy>(policy);
  decide("job", "approve");
  ASSERT_EQ(record("job").approved_by, "ana");
  const auto amend = [this](bool spot) {
    EXPECT_EQ(
        handle(command(JobAmend::type,
                       {{"job_id", "job"}, {"changes", {{"spot", spot}}}, {"requested_by", "bo"}})),
        std::nullopt);
  };
  const auto price = record("job").estimated_cost;
  amend(true);
  ASSERT_LT(record("job").estimated_cost, price);
  EXPECT_EQ(record("job").approved_by, "ana");
  amend(false);
  EXPECT_EQ(record("job").approved_by, "");
  policy.queue_paused = false;
  state->policy = std::make_shared<const plan::Policy>(policy);
  settle();
  ASSERT_TRUE(held("job"));
  decide("job", "approve");
  ASSERT_TRUE(launched("job"));
  run("job");
  kube.fail("job-1", clock.now(), 1);
  settle();
  EXPECT_EQ(record("job").approved_by, "");
  EXPECT_TRUE(held("job"));
}

// An attempt that has failed is counted by what it has cost, and not by its estimate beside that of the next one.
TEST_F(BudgetsTest, ARepetitionNeedsRoomForItselfAlone) {
  submit("first");
  const auto price = record("first").estimated_cost.value;
  cancel("first");
  set("all", price + price / 2);
  submit("job", {{"max_retries", 2}});
  ASSERT_TRUE(launched("job"));
  run("job");
  kube.fail("job-1", clock.now(), 1);
  settle();
  EXPECT_TRUE(launched("job"));
  EXPECT_EQ(record("job").attempt, 2);
  expect_sums();
  // What it costs counts: this one runs for as long as it was estimated.
  kube.run("job-2", clock.now());
  settle();
  clock.advance(std::chrono::seconds(std::llround(record("job").estimated_seconds)));
  kube.fail("job-2", clock.now(), 1);
  settle();
  EXPECT_TRUE(held("job"));
  expect_sums();
}

TEST_F(BudgetsTest, AnApprovalCanBeTakenBackWhileTheJobWaits) {
  auto policy = *state->policy;
  policy.max_concurrent_jobs = 1;
  state->policy = std::make_shared<const plan::Policy>(policy);
  submit("first");
  const auto price = record("first").estimated_cost.value;
  submit("second");
  set("ask", price, "approval");
  // It waits for a slot since before there was a budget.
  ASSERT_EQ(record("second").hold, queue::Hold::none);
  decide("second", "approve");
  EXPECT_EQ(record("second").approved_by, "ana");
  decide("second", "undo");
  EXPECT_EQ(record("second").approved_by, "");
}

TEST_F(BudgetsTest, ADecisionOnAnUnknownOrLaterJobChangesNothing) {
  set("ask", 1, "approval");
  const auto early =
      control(ApprovalDecided::type, {{"job_id", "late"}, {"decision", "approve"}, {"by", "ana"}});
  EXPECT_EQ(say(early), std::nullopt);
  clock.advance(1s);
  submit("late");
  EXPECT_EQ(say(early), std::nullopt);  // read again after Redis was lost
  EXPECT_TRUE(held("late"));
}

// The clock of whoever decides is an hour behind.
TEST_F(BudgetsTest, ADecisionCountsByItsPlaceInTheLog) {
  set("ask", 1, "approval");
  for (const auto* const id : {"one", "two"}) submit(id);
  send({{"batch_id", "b"}, {"jobs", {{{"job_id", "three"}, {"model_type", "mnist"}}}}});
  next_leader(2);
  for (const auto* const id : {"one", "two", "three"}) {
    ASSERT_TRUE(held(id)) << id;
    auto decision =
        control(ApprovalDecided::type, {{"job_id", id}, {"decision", "approve"}, {"by", "ana"}});
    decision.timestamp -= 1h;
    EXPECT_EQ(say(decision), std::nullopt);
    EXPECT_TRUE(launched(id)) << id;
  }
}

TEST_F(BudgetsTest, WhatIsNotValidIsToBeSetAside) {
  const auto fault = say(
      control(BudgetSet::type,
              {{"budget_id", "b"}, {"period", "week"}, {"amount_microusd", -1}, {"mode", "hard"}}));
  ASSERT_TRUE(fault);
  EXPECT_THAT(*fault, HasSubstr("period"));
  EXPECT_THAT(*fault, HasSubstr("amount_microusd"));
  const auto descending = say(control(BudgetSet::type, {{"budget_id", "b"},
                                                        {"period", "month"},
                                                        {"amount_microusd", 1},
                                                        {"thresholds", {80, 50}},
                                                        {"mode", "hard"}}));
  ASSERT_TRUE(descending);
  EXPECT_THAT(*descending, HasSubstr("thresholds[1]"));
  EXPECT_TRUE(state->budgets.empty());
}

}  // namespace
}  // namespace oppen::core
