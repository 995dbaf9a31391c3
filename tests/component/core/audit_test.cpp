// The audit on a real Redis: silent while everything agrees, also while things move; whatever is changed by another hand is found and
// named. And the first record of a term, which is counted.
#include "scheduler/core/audit.hpp"

#include "scheduler/core/first_record.hpp"
#include "tests/component/core/core_fixture.hpp"

namespace oppen::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class FakeSurvey final : public kube::Survey {
 public:
  explicit FakeSurvey(oppen::test::FakeKube& kube) : kube_(kube) {}
  Status pods(const std::function<void(const kube::Pod&)>& each) override {
    if (down) return fail(ErrorKind::unavailable, "down");
    for (const auto& [name, pod] : kube_.pods()) {
      if (!pod.terminal()) each(pod);
    }
    return {};
  }
  Result<std::vector<kube::SurveyedQuota>> quotas() override { return quotas_; }

  bool down = false;
  std::vector<kube::SurveyedQuota> quotas_;

 private:
  oppen::test::FakeKube& kube_;
};

class AuditTest : public CoreTest {
 protected:
  void SetUp() override {
    CoreTest::SetUp();
    audit = std::make_unique<Audit>(Audit::Sources{look, survey, clock, 1, [this] {
                                                     if (meanwhile) meanwhile();
                                                     Belief belief{state->counters, {}};
                                                     for (const auto& [id, record] : state->live)
                                                       belief.live.push_back(view_of(record));
                                                     return std::optional(belief);
                                                   }});
    for (const auto* job : {"a", "b", "c", "d"}) submit(job);
    submit("e", {{"priority", "background"}});
    kube.run("a-1", clock.now());
    settle();
  }
  // "kind: subject" of each difference.
  std::vector<std::string> found() {
    const auto drifts = audit->look({});
    EXPECT_TRUE(drifts);
    std::vector<std::string> text;
    for (const auto& drift : *drifts) text.push_back(drift.kind + ": " + drift.subject);
    return text;
  }
  void redis_command(runtime::Redis::Args args) {
    args[1] = "{oppen.scheduler}:" + args[1];
    ASSERT_TRUE(redis->command(args));
  }

  std::unique_ptr<runtime::Redis> own = runtime::Redis::create(server->url()).value();
  RedisLook look{*own, "oppen."};
  FakeSurvey survey{kube};
  std::unique_ptr<Audit> audit;
  std::function<void()> meanwhile;
};

TEST_F(AuditTest, SaysNothingWhileEverythingAgrees) {
  EXPECT_THAT(found(), IsEmpty());
  cancel("c");
  kube.succeed("a-1", clock.now());
  settle();
  EXPECT_THAT(found(), IsEmpty());
}

TEST_F(AuditTest, WhateverHoldsAJobItIsFoundInItsPlace) {
  for (const auto hold :
       {queue::Hold::window, queue::Hold::retry, queue::Hold::dependency, queue::Hold::budget}) {
    auto held = record("d");
    held.hold = hold;
    queue::Changes changes;
    changes.put(held);
    ASSERT_TRUE(state->commit(std::move(changes)));
    EXPECT_THAT(found(), IsEmpty()) << queue::letter(hold);
    std::vector<Drift> drifts;
    ASSERT_TRUE(look.check_records({"d"}, drifts)) << queue::letter(hold);
    EXPECT_THAT(drifts, IsEmpty()) << queue::letter(hold);
    const auto totals = look.totals();
    ASSERT_TRUE(totals);
    for (std::size_t i = 0; i < 3; ++i)
      EXPECT_EQ(totals->queued[i], totals->counters.queued[i]) << queue::letter(hold);
  }
}

TEST_F(AuditTest, AndWhileTheQueueMoves) {
  int number = 0;
  meanwhile = [&] {
    if (number < 4) submit("more-" + std::to_string(number++));
  };
  EXPECT_THAT(found(), IsEmpty());
}

TEST_F(AuditTest, FindsASumThatWasChanged) {
  redis_command({"HINCRBY", "counters", "gpus:n", "2"});
  EXPECT_THAT(found(), ElementsAre("gpus: normal"));
  submit("f");  // the leader takes it over with its next commit
  EXPECT_THAT(found(), ElementsAre("gpus: normal"));
  redis_command({"HINCRBY", "counters", "gpus:n", "-2"});
  submit("g");
  EXPECT_THAT(found(), IsEmpty());
}

TEST_F(AuditTest, FindsCountAndCostOfTheQueue) {
  redis_command({"HINCRBY", "counters", "queued:n", "-1"});
  redis_command({"HINCRBY", "counters", "cost:b", "7"});
  EXPECT_THAT(found(), ::testing::IsSupersetOf({"queued: normal", "queued_cost: background"}));
}

TEST_F(AuditTest, FindsAPlaceInTheQueueWithoutItsRecord) {
  redis_command({"DEL", "job:d"});
  EXPECT_THAT(found(), ::testing::Contains("queue: job d"));
}

TEST_F(AuditTest, FindsALiveAttemptThatRedisHasLost) {
  redis_command({"ZREM", "live", "a"});
  EXPECT_THAT(found(), ElementsAre("live: job a"));
}

TEST_F(AuditTest, FindsMissingAndStrayPodsAndAWrongQuota) {
  kube.vanish("a-1");
  auto stray = kube.pod("b-1");
  stray.name = "b-7";
  stray.attempt = 7;
  kube.pods()["b-7"] = stray;
  survey.quotas_ = {{{"q", "", {{"gpus", 8}}, {{"gpus", 5}}}, "1"}};
  EXPECT_THAT(found(), ElementsAre("pod_missing: pod a-1", "pod_stray: pod b-7", "quota: q gpus"));
  survey.down = true;
  EXPECT_THAT(found(), IsEmpty()) << "pods that can't be read are no difference";
}

// Kubernetes counts a pod that has ended a moment later: while pods come and go, two looks may well meet the same numbers.
TEST_F(AuditTest, AQuotaThatWasWrittenBetweenTwoLooksIsNotWrong) {
  Confirmed confirmed;
  const auto told = [&](const char* version) {
    survey.quotas_ = {{{"q", "", {{"gpus", 8}}, {{"gpus", 5}}}, version}};
    return confirmed.add(audit->look({}).value()).size();
  };
  EXPECT_EQ(told("1"), 0U);
  EXPECT_EQ(told("2"), 0U);
  EXPECT_EQ(told("2"), 1U);
}

TEST_F(AuditTest, SaysNothingUnderAnotherLeader) {
  redis_command({"HINCRBY", "counters", "gpus:n", "2"});
  ASSERT_TRUE(
      queue::Lease(*redis, "oppen.", "other", std::chrono::minutes(1)).claim(2, clock.now()));
  EXPECT_THAT(found(), IsEmpty());
}

TEST_F(AuditTest, ALongQueueIsGoneThroughInTurns) {
  runtime::Redis::Args members{"ZADD", "queue:n"};
  for (int i = 0; i < 600; ++i) {
    members.push_back(std::to_string(1'000'000 + i));
    members.push_back("ghost-" + std::to_string(i));
  }
  redis_command(members);
  std::vector<Drift> drifts;
  QueueWalk walk(look);
  const auto go_on = [&](int pages) {
    drifts.clear();
    EXPECT_TRUE(walk.go_on(
        pages, [] { return true; }, drifts));
    return drifts.size();
  };
  EXPECT_EQ(go_on(6), most_of_a_kind);  // the five sets of urgent, and the first page of normal
  for (int page = 2; page <= 6; ++page) EXPECT_EQ(go_on(1), most_of_a_kind);
  EXPECT_EQ(go_on(1), 2U);  // the last two
  EXPECT_EQ(go_on(4), 1U);  // in its other sets are none: more stand there than are counted
  EXPECT_EQ(drifts.back().kind, "queued");
}

TEST_F(CoreTest, TheFirstRecordIsCountedUntilItIsHandled) {
  const auto trying = [&] { return store->meta("trying:jobs").value().value_or(""); };
  FirstRecord first(*state, "p1");
  EXPECT_EQ(first.begin(7).value(), std::nullopt);
  EXPECT_EQ(trying(), "7 1 p1");
  ASSERT_TRUE(first.end());
  EXPECT_EQ(trying(), "");
  EXPECT_EQ(first.begin(8).value(), std::nullopt);
  EXPECT_EQ(trying(), "") << "only the first costs anything";
}

TEST_F(CoreTest, ARecordThatThreeProcessesDiedOfIsSetAside) {
  for (const auto* process : {"p1", "p2", "p2", "p3"})
    EXPECT_EQ(FirstRecord(*state, process).begin(7).value(), std::nullopt) << process;
  const auto reason = FirstRecord(*state, "p4").begin(7).value();
  ASSERT_TRUE(reason);
  EXPECT_THAT(*reason, ::testing::HasSubstr("3 schedulers have begun this record"));
  EXPECT_EQ(FirstRecord(*state, "p4").begin(8).value(), std::nullopt) << "the next one is handled";
}

}  // namespace
}  // namespace oppen::core
