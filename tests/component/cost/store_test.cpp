// The ledger in a real Redis: a change is all or nothing, and only the present owner of a partition makes any.
#include <gtest/gtest.h>

#include "tests/support/redis_server.hpp"
#include "tests/unit/cost_ledger/ledger_fixture.hpp"
#include "workers/cost/books/books.hpp"
#include "workers/cost/store/ledger_store.hpp"

namespace oppen::cost {
namespace {

using namespace std::chrono_literals;

const Time noon = at("2026-01-03T12:00:00Z");

class LedgerStoreTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { server = new runtime::RedisServer(); }
  static void TearDownTestSuite() {
    delete server;
    server = nullptr;
  }

  void SetUp() override { ASSERT_TRUE(redis->command({"FLUSHALL"})); }

  // Everything to be charged, and the jobs that it changes.
  Status store_all(Claim& claim, Ledger& ledger, Time time, std::optional<std::int64_t> next,
                   std::optional<std::int64_t> costs) {
    const auto charges = ledger.charge(time, 1'000);
    Change change{next, costs, {}, {}};
    for (const auto& charge : charges) change.charges.push_back(&charge);
    for (const auto& id : ledger.take_changed()) change.jobs.emplace_back(id, &ledger.job(id));
    return store.commit(claim, change);
  }

  std::vector<std::string> outbox(int partition) {
    std::vector<std::string> ids;
    const auto charges = store.outbox(partition).value();
    for (const auto& charge : charges) ids.push_back(charge.id);
    return ids;
  }

  static inline runtime::RedisServer* server = nullptr;
  std::unique_ptr<runtime::Redis> redis = runtime::Redis::create(server->url()).value();
  LedgerStore store{*redis, "oppen."};
  pricing::RateHistory rates;
};

TEST_F(LedgerStoreTest, NothingIsKnownOfANewPartition) {
  const auto claim = store.claim(3).value();
  EXPECT_EQ(claim.version, 0);
  EXPECT_FALSE(claim.next);
  EXPECT_FALSE(claim.costs);
  EXPECT_TRUE(store.open_jobs(3).value().empty());
  EXPECT_TRUE(store.outbox(3).value().empty());
}

TEST_F(LedgerStoreTest, TheNextOwnerGoesOnWhereTheLastOneStopped) {
  Ledger ledger(rates);
  auto first = store.claim(3).value();
  ledger.apply(began(noon, 1, "runs"));
  ledger.apply(ended(noon, noon + 10s, 1, "over"));
  ASSERT_TRUE(store_all(first, ledger, noon + 40s, 17, 5));

  const auto next = store.claim(3).value();
  EXPECT_EQ(next.version, 1);
  EXPECT_EQ(next.next, 17);
  EXPECT_EQ(next.costs, 5);
  const auto open = store.open_jobs(3).value();
  ASSERT_EQ(open.size(), 1U);
  EXPECT_EQ(open[0].first, "runs");
  EXPECT_EQ(encode(open[0].second), encode(ledger.job("runs")));
  const auto settled = store.settled_jobs({"over", "runs", "unknown"}).value();
  EXPECT_FALSE(settled.contains("unknown"));
  EXPECT_TRUE(settled.at("over").attempts.at(1).final);
  EXPECT_EQ(outbox(3).size(), 2U);
  EXPECT_TRUE(store.open_jobs(4).value().empty());
  EXPECT_GT(redis->command({"PTTL", "{oppen.cost}:settled:over"}).value().integer, 0);
}

TEST_F(LedgerStoreTest, WhatIsOnTheBusIsForgottenWithTheNextChange) {
  Ledger ledger(rates);
  auto claim = store.claim(0).value();
  ledger.apply(began(noon));
  ASSERT_TRUE(store_all(claim, ledger, noon + 30s, 1, {}));
  EXPECT_EQ(outbox(0).size(), 1U);
  ASSERT_TRUE(store_all(claim, ledger, noon + 60s, {}, 1));
  EXPECT_EQ(outbox(0), std::vector<std::string>{"a/1/1767441630000-1767441660000"});
  ASSERT_TRUE(store.commit(claim, {{}, 2, {}, {}}));
  EXPECT_TRUE(outbox(0).empty());
  EXPECT_EQ(claim.version, 3);
  EXPECT_EQ(store.claim(0).value().next, 1) << "as it was";
}

TEST_F(LedgerStoreTest, AnIdOfManyLinesIsReadBack) {
  auto claim = store.claim(0).value();
  Ledger ledger(rates);
  ledger.apply(ended(noon, noon + 10s, 0, ":of\ntwo lines"));
  ASSERT_TRUE(store_all(claim, ledger, noon + 1min, {}, {}));
  const auto charges = store.outbox(0).value();
  ASSERT_EQ(charges.size(), 1U);
  EXPECT_TRUE(charges[0].id.starts_with("of\ntwo lines/0/")) << charges[0].id;
  EXPECT_EQ(charges[0].event.run_id, "of\ntwo lines");
  EXPECT_GT(redis->command({"PTTL", "{oppen.cost}:settled::of\ntwo lines"}).value().integer,
            std::chrono::milliseconds(std::chrono::days(90)).count())
      << "as long as it may be reported again";
}

// With its run, where that is kept for as long as events of it may come again.
TEST_F(LedgerStoreTest, WhatIsSettledIsKeptOnce) {
  Ledger ledger(rates);
  auto claim = store.claim(0).value();
  const Time now = store.time().value();
  ledger.apply(ended(now - 100s, now - 90s, 1, "late"));
  ledger.apply(ended(now - 70 * 24h, now - 70 * 24h + 10s, 1, "old"));
  ASSERT_TRUE(store_all(claim, ledger, now, {}, {}));
  EXPECT_EQ(redis->command({"EXISTS", "{oppen.cost}:settled:late"}).value().integer, 0);
  EXPECT_EQ(redis->command({"EXISTS", "{oppen.cost}:settled:old"}).value().integer, 1);
  const auto settled = store.settled_jobs({"late", "old"}).value();
  for (const char* id : {"late", "old"}) {
    EXPECT_EQ(encode(settled.at(id)), encode(ledger.job(id))) << id;
    EXPECT_EQ(settled.at(id).attempts.at(1).until, settled.at(id).attempts.at(1).ended_at) << id;
    EXPECT_EQ(settled.at(id).run.record.spent.total_microusd,
              ledger.job(id).run.record.spent.total_microusd)
        << id;
    EXPECT_GT(settled.at(id).run.record.spent.total_microusd, 0);
  }
}

TEST_F(LedgerStoreTest, AJobThatRunsAgainIsOpenAgain) {
  Ledger ledger(rates);
  auto claim = store.claim(0).value();
  ledger.apply(ended(noon, noon + 10s));
  ASSERT_TRUE(store_all(claim, ledger, noon + 1min, {}, {}));
  EXPECT_TRUE(store.open_jobs(0).value().empty());
  ledger.apply(began(noon + 20s, 2));
  ASSERT_TRUE(store_all(claim, ledger, noon + 1min, {}, 1));
  EXPECT_EQ(store.open_jobs(0).value().size(), 1U);
  EXPECT_TRUE(store.settled_jobs({"a"}).value()["a"].attempts.empty()) << "its run at most";
}

class AdviceTest : public LedgerStoreTest {
 protected:
  void load(const std::string& id) {
    auto settled = store.settled_jobs({id}).value();
    ledger.load_settled(id, std::move(settled.at(id)));
  }
  Fact over(const std::string& id, const char* state = "succeeded") {
    auto fact = ended(lately, lately + 10s, 1, id);
    fact.told = Told{"", "", state, true, 2, 64};
    return fact;
  }
  static Report report(const std::string& id) {
    RunCompleted told;
    told.run_id = told.job_id = id;
    told.attempt = 1;
    return {id, told};
  }
  // So long after now by Redis' clock.
  std::vector<std::string> due(Time::duration after, int partition = 0) {
    return store.due_for_advice(partition, store.time().value() + after, 10).value();
  }
  Status advise(const Advised& advised) {
    Change change;
    change.advised = {advised};
    return store.commit(claim, change);
  }
  Status store_at(Time time) {
    const auto stored = store_all(claim, ledger, time, {}, ++costs);
    for (const auto& id : {"a", "b", "c"})
      if (ledger.knows(id)) ledger.stored(id);
    return stored;
  }

  const Time lately = store.time().value() - 1h;  // a run of long ago is not kept
  Claim claim;
  std::int64_t costs = 0;
  Ledger ledger{rates};

  void SetUp() override {
    LedgerStoreTest::SetUp();
    claim = store.claim(0).value();
  }
};

TEST_F(AdviceTest, ARunThatHasSucceededIsDueOnceItIsChargedAndHasReported) {
  ledger.apply(over("a"));
  ledger.apply(over("b", "failed"));
  ledger.apply(report("a"));
  ledger.apply(report("b"));
  ASSERT_TRUE(store_at(lately + 5s));
  EXPECT_TRUE(due(1h).empty()) << "it is not charged yet";
  ASSERT_TRUE(store_at(lately + 20s));
  EXPECT_EQ(due(0s), std::vector<std::string>{"a"});
  EXPECT_TRUE(due(1h, 1).empty()) << "of another partition";
}

TEST_F(AdviceTest, ARunThatReportsNothingIsDueAMinuteLater) {
  ledger.apply(over("a"));
  ledger.apply(over("b"));
  ASSERT_TRUE(store_at(lately + 20s));
  EXPECT_TRUE(due(50s).empty());
  EXPECT_EQ(due(61s), (std::vector<std::string>{"a", "b"}));
  load("b");
  ledger.apply(report("b"));
  ASSERT_TRUE(store_at(lately + 30s));
  EXPECT_EQ(due(0s), std::vector<std::string>{"b"}) << "it has reported meanwhile";
  EXPECT_EQ(due(61s), (std::vector<std::string>{"b", "a"}));
}

TEST_F(AdviceTest, ItIsDueUntilItsOwnerSaysThatItIsPublishedAndNeverAgain) {
  ledger.apply(over("a"));
  ledger.apply(report("a"));
  ASSERT_TRUE(store_at(lately + 20s));
  auto former = claim;
  claim = store.claim(0).value();
  Change advised;
  advised.advised = {{"a"}};
  EXPECT_EQ(store.commit(former, advised).error().kind, ErrorKind::fenced);
  EXPECT_EQ(due(0s).size(), 1U);
  ASSERT_TRUE(store.commit(claim, advised));
  EXPECT_TRUE(due(1h).empty());
  load("a");
  ledger.apply(over("a"));
  ledger.apply(report("a"));
  ASSERT_TRUE(store_at(lately + 1min));
  EXPECT_TRUE(due(1h).empty()) << "told again";
}

TEST_F(AdviceTest, ARecommendationStandsUntilItIsFollowedOrAnotherOneTakesItsPlace) {
  const std::vector<std::string> places{"spot [x]", "spot [y]"};
  const auto standing = [&] { return store.recommended("mnist", places).value(); };
  ASSERT_TRUE(advise({"a", "mnist", lately, {}, {{"spot [x]", "of a"}, {"spot [y]", "of a"}}}));
  ASSERT_TRUE(advise({"b", "mnist", lately - 1s, {}, {{"spot [x]", "earlier"}}}));
  EXPECT_EQ(standing()["spot [x]"], "of a") << "a run that ended before it is looked at after it";
  ASSERT_TRUE(advise({"c", "mnist", lately + 1s, {}, {{"spot [x]", "of c"}}}));
  EXPECT_EQ(standing()["spot [x]"], "of c");
  EXPECT_TRUE(store.recommended("other", places).value().empty());

  const Followed followed{"spot [x]", "of c", "spot", true, 12.5};
  ASSERT_TRUE(advise({"d", "mnist", lately + 2s, {followed}, {{"spot [x]", "of d"}}}));
  EXPECT_EQ(standing()["spot [x]"], "of d");
  ASSERT_TRUE(advise({"e", "mnist", lately + 3s, {followed}, {}}));
  EXPECT_EQ(standing()["spot [x]"], "of d") << "another one has followed it first";
  ASSERT_TRUE(advise({"f", "mnist", lately, {{"spot [y]", "of a", "spot", false, -2}}, {}}));
  EXPECT_EQ(standing().size(), 1U);
  const auto records = Books(*redis, "oppen.").track_records("mnist").value();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records.at("spot").followed, 2);
  EXPECT_EQ(records.at("spot").kept, 1);
  EXPECT_EQ(records.at("spot").mean_saved_percent(), 5.25);
  EXPECT_TRUE(Books(*redis, "oppen.").track_records("other").value().empty());
}

TEST_F(AdviceTest, OfAModelTypeSoManyStand) {
  for (int first = 0; first < 500; first += 50) {
    Advised advised{"a", "mnist", lately + std::chrono::seconds(first), {}, {}};
    for (int i = first; i < first + 50; ++i)
      advised.given.push_back({"spot " + std::to_string(i), "text"});
    ASSERT_TRUE(advise(advised));
  }
  EXPECT_TRUE(store.recommended("mnist", {"spot 49"}).value().empty()) << "the oldest";
  EXPECT_EQ(store.recommended("mnist", {"spot 50", "spot 499"}).value().size(), 2U);
  for (const char* key : {"recommended", "recommended-when"})
    EXPECT_GT(
        redis->command({"PTTL", std::string("{oppen.cost}:") + key + ":mnist"}).value().integer, 0);
}

// As after a pause: whoever claimed the partition meanwhile has it.
TEST_F(LedgerStoreTest, AFormerOwnerChangesNothing) {
  Ledger ledger(rates);
  auto former = store.claim(0).value();
  ledger.apply(began(noon));
  ASSERT_TRUE(store_all(former, ledger, noon + 30s, 10, 0));
  auto present = store.claim(0).value();
  EXPECT_EQ(store_all(former, ledger, noon + 90s, 20, 1).error().kind, ErrorKind::fenced);
  EXPECT_EQ(outbox(0).size(), 1U);
  EXPECT_EQ(store.open_jobs(0).value()[0].second.attempts.at(1).until, noon + 30s);
  EXPECT_TRUE(store.commit(present, {11, {}, {}, {}}));
  EXPECT_EQ(store.claim(0).value().next, 11);
}

TEST_F(LedgerStoreTest, ARedisThatHasForgottenIsNotGoneOnFrom) {
  auto claim = store.claim(0).value();
  ASSERT_TRUE(store.commit(claim, {1, {}, {}, {}}));
  ASSERT_TRUE(store.commit(claim, {2, {}, {}, {}}));
  ASSERT_TRUE(redis->command({"HSET", "{oppen.cost}:partition:0", "version", "1"}));  // older
  EXPECT_EQ(store.commit(claim, {3, {}, {}, {}}).error().kind, ErrorKind::fenced);
  ASSERT_TRUE(redis->command({"FLUSHALL"}));
  EXPECT_EQ(store.commit(claim, {3, {}, {}, {}}).error().kind, ErrorKind::fenced);
}

// It may have come back as it was when a former owner owned, and know no better: what is claimed is dropped at the first error.
TEST_F(LedgerStoreTest, ARedisThatWasRestartedIsNoticedBeforeAnythingIsChanged) {
  auto claim = store.claim(0).value();
  ASSERT_TRUE(store.commit(claim, {1, {}, {}, {}}));
  server->kill();
  server->start();
  ASSERT_TRUE(runtime::Redis::create(server->url())
                  .value()
                  ->command({"HSET", "{oppen.cost}:partition:0", "token", claim.token, "version",
                             "1", "next", "1"}));
  EXPECT_EQ(store.commit(claim, {2, {}, {}, {}}).error().kind, ErrorKind::unavailable);
  EXPECT_EQ(store.claim(0).value().next, 1);
}

TEST_F(LedgerStoreTest, RemembersPolicies) {
  EXPECT_TRUE(store.policies().value().empty());
  ASSERT_TRUE(store.remember_policies({{9, "{}"}}));
  ASSERT_TRUE(store.remember_policies({{10, "{\"a\":1}"}}));
  EXPECT_EQ(store.policies().value(),
            (std::map<std::int64_t, std::string>{{9, "{}"}, {10, "{\"a\":1}"}}));
  ASSERT_TRUE(store.forget_policy(9));
  EXPECT_EQ(store.policies().value().size(), 1U);
}

TEST_F(LedgerStoreTest, BelongsToOneKafka) {
  EXPECT_EQ(store.cluster("one").value(), "one");
  EXPECT_EQ(store.cluster("two").value(), "one");
}

TEST_F(LedgerStoreTest, RefusesWhatAnotherVersionHasWritten) {
  ASSERT_TRUE(redis->command({"SET", "{oppen.cost}:cluster", "one"}));  // as it was at first
  const auto known = store.cluster("one");
  ASSERT_FALSE(known);
  EXPECT_EQ(known.error().kind, ErrorKind::fatal);
  EXPECT_NE(known.error().message.find("{oppen.cost}:cluster: one"), std::string::npos)
      << known.error().message;
}

TEST_F(LedgerStoreTest, SaysWhatIsBroken) {
  ASSERT_TRUE(redis->command({"RPUSH", "{oppen.cost}:outbox:0", "no charge"}));
  ASSERT_TRUE(redis->command({"HSET", "{oppen.cost}:open:0", "a", "no job"}));
  EXPECT_EQ(store.outbox(0).error().kind, ErrorKind::fatal);
  EXPECT_EQ(store.open_jobs(0).error().kind, ErrorKind::fatal);
}

}  // namespace
}  // namespace oppen::cost
