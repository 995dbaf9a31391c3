// Proposals that change a policy or a queued job: what an approval publishes, and what takes it back.
#include "scheduler/core/proposals.hpp"

#include "scheduler/core/budgets.hpp"
#include "scheduler/core/overrides.hpp"
#include "tests/component/core/core_fixture.hpp"

namespace oppen::core {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using ::testing::HasSubstr;

class ProposalsTest : public CoreTest {
 protected:
  void SetUp() override {
    CoreTest::SetUp();
    renew();
    auto policy = *state->policy;
    policy.queue_paused = true;
    state->policy = std::make_shared<const plan::Policy>(policy);
  }
  void renew() {
    budgets = std::make_unique<Budgets>(*state);
    ASSERT_TRUE(budgets->load());
  }
  std::optional<std::string> say(std::string_view type, const json& data) {
    const CloudEvent event{"id", "/test", std::string(type), clock.now(), "", data};
    const client::ConsumedRecord record{"control", 0, next_control++, said_at.value_or(clock.now()),
                                        encode(event, "key")};
    const auto fault = budgets->on_control(event, record);
    EXPECT_TRUE(fault) << fault.error().message;
    return fault ? *fault : std::nullopt;
  }
  std::optional<std::string> propose(const std::string& id, const json& changes) {
    return say(ProposalCreated::type, {{"proposal_id", id},
                                       {"kind", "test"},
                                       {"summary", "cheaper"},
                                       {"predicted_savings_microusd", 5},
                                       {"changes", changes},
                                       {"expires_at", to_rfc3339(clock.now() + 1h)}});
  }
  void decide(const std::string& id, const std::string& decision) {
    EXPECT_EQ(
        say(ApprovalDecided::type, {{"proposal_id", id}, {"decision", decision}, {"by", "ana"}}),
        std::nullopt);
  }
  // As Policies keeps them.
  void in_force(const std::vector<PolicyOverride>& all) {
    Overrides overrides;
    for (const auto& one : all) overrides.put(one);
    ASSERT_TRUE(state->commit(queue::Changes().value("overrides", overrides.text())));
  }
  std::vector<json> of_type(const std::string& key, std::string_view type) {
    std::vector<json> found;
    for (auto& [its_type, data] : events(key)) {
      if (its_type == type) found.push_back(std::move(data));
    }
    return found;
  }
  std::vector<json> overrides() { return of_type("backfill_enabled", PolicyOverride::type); }
  std::vector<json> amendments() { return of_type("job", JobAmend::type); }

  const json backfill{{"key", "backfill_enabled"}, {"value", "true"}};
  std::unique_ptr<Budgets> budgets;
  std::int64_t next_control = 0;
  std::optional<Time> said_at;  // by the log; absent: now
};

TEST_F(ProposalsTest, AnApprovedOverrideIsPublishedOnceAndEndedByUndo) {
  EXPECT_EQ(propose("p", backfill), std::nullopt);
  EXPECT_TRUE(overrides().empty());
  decide("p", "approve");
  decide("p", "approve");
  ASSERT_EQ(overrides().size(), 1U);
  EXPECT_EQ(overrides()[0],
            (json{{"key", "backfill_enabled"}, {"value", "true"}, {"because", "p"}}));
  // Undone before the scheduler has read its own override, and by another leader.
  begin_term(100);
  renew();
  decide("p", "undo");
  decide("p", "undo");
  ASSERT_EQ(overrides().size(), 2U);
  EXPECT_EQ(overrides()[1]["until"], to_rfc3339(clock.now()));
}

TEST_F(ProposalsTest, UndoGivesBackWhatWasOverriddenBefore) {
  const PolicyOverride earlier{"backfill_enabled", "false", clock.now() + 5h, "by hand"};
  in_force({earlier});
  propose("p", backfill);
  decide("p", "approve");
  in_force({{"backfill_enabled", "true", std::nullopt, "p"}});
  decide("p", "undo");
  ASSERT_EQ(overrides().size(), 2U);
  EXPECT_EQ(overrides()[1], to_data(earlier));
}

TEST_F(ProposalsTest, UndoLeavesAloneWhatSomebodyHasSaidSince) {
  propose("p", backfill);
  decide("p", "approve");
  in_force({{"backfill_enabled", "false", std::nullopt, "by hand"}});
  decide("p", "undo");
  EXPECT_EQ(overrides().size(), 1U);
}

TEST_F(ProposalsTest, AQueuedJobIsAmendedAndGivenBackWhatItWas) {
  submit("job", {{"batch_size", 32}});
  propose("p", {{"job_id", "job"}, {"changes", {{"batch_size", 64}, {"spot", true}}}});
  decide("p", "approve");
  decide("p", "undo");
  ASSERT_EQ(amendments().size(), 2U);
  EXPECT_EQ(amendments()[0], (json{{"job_id", "job"},
                                   {"changes", {{"batch_size", 64}, {"spot", true}}},
                                   {"requested_by", "ana"}}));
  EXPECT_EQ(amendments()[1]["changes"], (json{{"batch_size", 32}, {"spot", false}}));
}

TEST_F(ProposalsTest, WhatIsRejectedExpiredOrGoneIsNotCarriedOut) {
  propose("rejected", backfill);
  decide("rejected", "reject");
  decide("rejected", "approve");
  decide("unknown", "approve");
  clock.advance(2h);
  EXPECT_EQ(say(ProposalCreated::type, {{"proposal_id", "late"},
                                        {"kind", "test"},
                                        {"summary", ""},
                                        {"predicted_savings_microusd", 5},
                                        {"changes", backfill},
                                        {"expires_at", to_rfc3339(clock.now() - 1h)}}),
            std::nullopt);
  decide("late", "approve");
  EXPECT_TRUE(overrides().empty());
}

// Whether it can be amended is answered by whoever takes the amendment, once: a later approval does not try again.
TEST_F(ProposalsTest, AnAmendmentOfAJobThatDoesNotWaitIsPublishedAndAnswered) {
  propose("p", {{"job_id", "job"}, {"changes", {{"spot", true}}}});
  decide("p", "approve");
  ASSERT_EQ(amendments().size(), 1U);
  EXPECT_EQ(handle(command(JobAmend::type, amendments()[0])), std::nullopt);
  EXPECT_EQ(last_event("job")["why"], "unknown");
  submit("job");
  decide("p", "approve");
  decide("p", "undo");  // of what was never there
  EXPECT_EQ(amendments().size(), 1U);
}

// Redis was lost: `control` is read from its beginning, up to the claim of the leader that does so.
TEST_F(ProposalsTest, WhatTookEffectBeforeRedisWasLostIsNotDoneAgain) {
  ASSERT_TRUE(redis->command({"FLUSHALL"}));
  begin_term(2);
  renew();
  propose("p", backfill);  // offset 0
  decide("p", "approve");  // 1
  EXPECT_TRUE(overrides().empty());
  in_force({{"backfill_enabled", "true", std::nullopt, "p"}});
  decide("p", "undo");  // 2: of now
  EXPECT_EQ(overrides().size(), 1U);
}

// The leader that found Redis lost dies before it has read `control` to the end.
TEST_F(ProposalsTest, TheNextLeaderGoesOnReadingWhatHasTakenEffect) {
  ASSERT_TRUE(redis->command({"FLUSHALL"}));
  begin_term(2);
  renew();
  propose("p", backfill);  // offset 0
  begin_term(3);
  renew();
  decide("p", "approve");  // 1
  EXPECT_TRUE(overrides().empty());
  decide("p", "undo");  // 2: after the claim of the first of them
  EXPECT_EQ(overrides().size(), 1U);
}

// Read again after Redis was lost, when its time is long over.
TEST_F(ProposalsTest, AProposalExpiresByTheClockOfTheLog) {
  const auto begin = clock.now();
  const json proposal{{"proposal_id", "p"},  {"kind", "test"},
                      {"summary", ""},       {"predicted_savings_microusd", 5},
                      {"changes", backfill}, {"expires_at", to_rfc3339(begin + 1h)}};
  said_at = begin;
  clock.advance(48h);
  EXPECT_EQ(say(ProposalCreated::type, proposal), std::nullopt);
  said_at = begin + 30min;
  decide("p", "approve");
  EXPECT_EQ(overrides().size(), 1U);
  said_at.reset();
  propose("q", backfill);
  clock.advance(2h);
  decide("q", "approve");
  EXPECT_EQ(overrides().size(), 1U);
  propose("q", backfill);  // the id is free again
  decide("q", "approve");
  EXPECT_EQ(overrides().size(), 2U);
}

TEST_F(ProposalsTest, ChangesThatAreNoEventsDataAreToBeSetAside) {
  const auto fault = propose("p", {{"job_id", "job"}, {"changes", {{"epochs", 3}}}});
  ASSERT_TRUE(fault);
  EXPECT_THAT(*fault, HasSubstr("changes"));
  EXPECT_EQ(propose("advice", {{"note", "look at it"}}), std::nullopt);
}

// An event made of it would be too large for its topic, or break the lines of the outbox, and stop what is behind it for good.
TEST_F(ProposalsTest, WhatNoTopicTakesIsToBeSetAside) {
  const auto long_text = std::string(200'000, 'x');
  const std::vector<std::pair<std::string, json>> all{
      {"key", {{"key", "no_such_key"}, {"value", "1"}}},
      {"key", {{"key", "a\nb"}, {"value", "1"}}},
      {"changes take", {{"key", "backfill_enabled"}, {"value", long_text}}},
      {"changes take", {{"job_id", "job"}, {"changes", {{"spot", true}}}, {"note", long_text}}}};
  for (const auto& [said, changes] : all) {
    const auto fault = propose("p", changes);
    ASSERT_TRUE(fault) << said;
    EXPECT_THAT(*fault, HasSubstr(said));
  }
  for (const auto& id : {std::string(201, 'p'), std::string("p\nq")}) {
    const auto fault = propose(id, backfill);
    ASSERT_TRUE(fault);
    EXPECT_THAT(*fault, HasSubstr("proposal_id"));
  }
  ASSERT_EQ(propose("p", backfill), std::nullopt);
  EXPECT_TRUE(say(ApprovalDecided::type,
                  {{"proposal_id", "p"}, {"decision", "approve"}, {"by", long_text}}));
  decide("p", "approve");
  EXPECT_EQ(overrides().size(), 1U);
}

}  // namespace
}  // namespace oppen::core
