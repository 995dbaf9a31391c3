// What is charged, step by step: on the grid, at edges, at the end, and what is put right.
#include "tests/unit/cost_ledger/ledger_fixture.hpp"

namespace oppen::cost {
namespace {

using namespace std::chrono_literals;

const Time noon = at("2026-01-03T12:00:00Z");
constexpr std::size_t all = 100'000;

class LedgerTest : public testing::Test {
 protected:
  // "12:00:05-12:00:30 final correction" of each.
  std::vector<std::string> charge(Time time) {
    std::vector<std::string> told;
    const auto clock = [](Time point) { return to_rfc3339(point).substr(11, 8); };
    for (const auto& one : ledger.charge(time, all)) {
      consumer.take(one);
      told.push_back(clock(one.event.interval_start) + "-" + clock(one.event.interval_end) +
                     (one.event.correction ? " correction" : "") +
                     (one.event.final ? " final" : ""));
    }
    return told;
  }
  std::int64_t sum(int attempt = 1) { return consumer.accounts[{"a", attempt}].sum.total.value; }
  std::int64_t price(Time from, Time to) {
    return rates.price(bearer().usage, from, to).total.value;
  }
  using Told = std::vector<std::string>;

  pricing::RateHistory rates;
  Ledger ledger{rates};
  Consumer consumer;
};

TEST_F(LedgerTest, ChargesAnIntervalOnceItIsOver) {
  ledger.apply(began(noon + 5s));
  EXPECT_EQ(charge(noon + 29s), Told{});
  EXPECT_EQ(charge(noon + 30s), Told{"12:00:05-12:00:30"});
  EXPECT_EQ(charge(noon + 30s), Told{});
  EXPECT_EQ(charge(noon + 99s), (Told{"12:00:30-12:01:00", "12:01:00-12:01:30"}));
  ledger.apply(ended(noon + 5s, noon + 100s));
  EXPECT_EQ(charge(noon + 99s), Told{}) << "its end has not come";
  EXPECT_EQ(charge(noon + 100s), Told{"12:01:30-12:01:40 final"});
  EXPECT_EQ(sum(), price(noon + 5s, noon + 100s));
  EXPECT_TRUE(ledger.job("a").settled());
}

TEST_F(LedgerTest, TellsOfWhomAndAtWhichRates) {
  auto fact = ended(at("2026-01-03T23:00:00Z"), at("2026-01-03T23:00:10Z"));
  fact.bearer.usage.priority = Priority::urgent;
  fact.bearer.usage.spot = true;
  ledger.apply(fact);
  const auto charges = ledger.charge(noon + 24h, all);
  ASSERT_EQ(charges.size(), 1U);
  const auto& event = charges[0].event;
  EXPECT_EQ(charges[0].id, "a/1/1767481200000-1767481210000");
  EXPECT_EQ(event.multipliers.time, 0.5);
  EXPECT_EQ(event.multipliers.priority, 1.5);
  EXPECT_EQ(event.multipliers.spot, 0.3);
  EXPECT_EQ(event.gpu_type, "T4");
  EXPECT_EQ(event.pod, "a-1");
  EXPECT_EQ(event.team, "vision");
  // (0.15 + 1.5 x 0.05 + 3 x 0.01) x 0.5 x 1.5 x 0.3 for 10 s, each part rounded: 93.75, 46.875, 18.75.
  EXPECT_EQ(event.gpu.value, 94);
  EXPECT_EQ(event.cpu.value, 47);
  EXPECT_EQ(event.memory.value, 19);
  EXPECT_EQ(event.total.value, 160);
}

TEST_F(LedgerTest, TellsOnWhichNodeAlsoWhenTheEndDoesNot) {
  auto start = began(noon);
  start.bearer.node = "n1";
  ledger.apply(start);
  auto charges = ledger.charge(noon + 60s, all);
  ASSERT_EQ(charges.size(), 2U);
  EXPECT_EQ(charges[0].event.node, "n1");
  // Stored and read again, and as it was stored before nodes were told.
  auto text = encode(ledger.job("a"));
  EXPECT_EQ(decode_job(text).value().attempts.at(1).bearer->node, "n1");
  text.erase(text.find(R"(,"n1")"), 5);
  EXPECT_EQ(decode_job(text).value().attempts.at(1).bearer->node, "");
  ledger.apply(ended(noon, noon + 45s));
  charges = ledger.charge(noon + 60s, all);
  ASSERT_EQ(charges.size(), 1U);
  EXPECT_TRUE(charges[0].event.correction);
  EXPECT_EQ(charges[0].event.node, "n1") << "there it was charged";
}

TEST_F(LedgerTest, AnEndWithoutABeginIsChargedWhole) {
  ledger.apply(ended(noon, noon + 45s));
  EXPECT_EQ(charge(noon + 1h), (Told{"12:00:00-12:00:30", "12:00:30-12:00:45 final"}));
  EXPECT_EQ(sum(), price(noon, noon + 45s));
}

TEST_F(LedgerTest, AnEndOnTheGridIsStillTold) {
  ledger.apply(began(noon));
  EXPECT_EQ(charge(noon + 30s), Told{"12:00:00-12:00:30"});
  ledger.apply(ended(noon, noon + 30s));
  EXPECT_EQ(charge(noon + 31s), Told{"12:00:30-12:00:30 final"});
  EXPECT_EQ(sum(), price(noon, noon + 30s));
}

TEST_F(LedgerTest, WhatWasChargedTooFarIsTakenBack) {
  ledger.apply(began(noon));
  charge(noon + 90s);
  ledger.apply(ended(noon, noon + 40s));
  EXPECT_EQ(charge(noon + 95s), Told{"12:00:40-12:01:30 correction final"});
  EXPECT_EQ(sum(), price(noon, noon + 40s));
  EXPECT_EQ(charge(noon + 1h), Told{});
}

TEST_F(LedgerTest, CutsAtTheWindowAndAtChangesOfRates) {
  const Time before = at("2026-01-03T21:59:50Z");
  PolicyChanged policy;
  policy.cost_model = {{"gpu_hourly_usd", "9"}, {"gpu_type_hourly_usd", "{}"}};
  policy.effective_from = before + 25s;
  ASSERT_TRUE(rates.take(policy));
  ledger.apply(ended(before, before + 45s));
  EXPECT_EQ(charge(before + 1h), (Told{"21:59:50-22:00:00", "22:00:00-22:00:15",
                                       "22:00:15-22:00:30", "22:00:30-22:00:35 final"}));
  EXPECT_EQ(sum(), price(before, before + 45s));
}

TEST_F(LedgerTest, RatesThatComeLateAreMadeGood) {
  ledger.apply(began(noon));
  charge(noon + 60s);
  PolicyChanged policy;
  policy.cost_model = {{"cpu_core_hourly_usd", "3"}};
  policy.effective_from = noon + 50s;
  ASSERT_TRUE(rates.take(policy));
  ledger.rates_changed();
  EXPECT_EQ(charge(noon + 61s), Told{"12:01:00-12:01:00 correction"});
  EXPECT_EQ(charge(noon + 62s), Told{});
  EXPECT_EQ(sum(), price(noon, noon + 60s));
  ledger.apply(ended(noon, noon + 70s));
  EXPECT_EQ(charge(noon + 70s), Told{"12:01:00-12:01:10 final"});
  EXPECT_EQ(sum(), price(noon, noon + 70s));
}

TEST_F(LedgerTest, AnAttemptWhoseEndIsLostEndsWhenTheNextBegins) {
  ledger.apply(began(noon));
  charge(noon + 60s);
  ledger.apply(began(noon + 70s, 2));
  EXPECT_EQ(charge(noon + 80s), Told{"12:01:00-12:01:10 final"});
  EXPECT_EQ(sum(1), price(noon, noon + 70s));
  ledger.apply(ended(noon, noon + 65s));  // after all
  EXPECT_EQ(charge(noon + 81s), Told{"12:01:05-12:01:10 correction final"});
  EXPECT_EQ(sum(1), price(noon, noon + 65s));
}

TEST_F(LedgerTest, OneThatIsCancelledInTheQueueAgainHasCostNoMore) {
  ledger.apply(ended(noon, noon + 10s));
  charge(noon + 1min);
  ledger.apply(
      {"a", 1, 13, {}, noon + 1h, {}});  // cancelled, an hour after it went back to the queue
  EXPECT_EQ(charge(noon + 2h), Told{});
  EXPECT_EQ(sum(), price(noon, noon + 10s));
  ledger.apply({"b", 1, 2, {}, noon + 1h, {}});
  EXPECT_TRUE(ledger.job("b").settled());
}

// A late begin must not run on.
TEST_F(LedgerTest, AnEndWhoseBeginComesLater) {
  ledger.apply(Fact{"a", 1, 12, {}, noon + 50s, bearer()});
  EXPECT_TRUE(ledger.job("a").settled());
  EXPECT_EQ(charge(noon + 10min), Told{});
  ledger.apply(began(noon));
  EXPECT_EQ(charge(noon + 10min), (Told{"12:00:00-12:00:30", "12:00:30-12:00:50 final"}));
  EXPECT_EQ(sum(), price(noon, noon + 50s));
}

// Redis is lost, and the event that tells of the end says nothing of the node, or more than was known when it was charged.
TEST_F(LedgerTest, WhereItWasChargedThereItIsTakenBackAfterALoss) {
  for (const std::string node : {"n1", ""}) {
    Ledger first(rates);
    auto start = began(noon);
    start.bearer.node = node;
    first.apply(start);
    const auto charged = first.charge(noon + 70s, all);
    ASSERT_EQ(charged.size(), 2U);
    Ledger lost(rates);
    for (const auto& one : charged) EXPECT_TRUE(lost.recall(one.id, one.event));
    auto end = ended(noon, noon + 40s);
    end.bearer.node = node.empty() ? "n2" : "";
    lost.apply(end);
    const auto back = lost.charge(noon + 2min, all);
    ASSERT_FALSE(back.empty());
    EXPECT_TRUE(back.front().event.correction);
    EXPECT_EQ(back.front().event.node, node);
  }
}

// Redis is lost after rates came that hold from before its end: what was final stays as it was.
TEST_F(LedgerTest, WhatWasFinalIsNotPricedAgainAfterALoss) {
  ledger.apply(ended(noon, noon + 100s));
  EXPECT_EQ(charge(noon + 10min).size(), 4U);
  const auto before = sum();
  PolicyChanged policy;
  policy.cost_model = {{"cpu_core_hourly_usd", "9"}};
  policy.effective_from = noon + 30s;
  ASSERT_TRUE(rates.take(policy).value());
  Ledger lost(rates);
  for (const auto& one : consumer.log) EXPECT_TRUE(lost.recall(one.id, one.event));
  EXPECT_FALSE(lost.recall(consumer.log[0].id, consumer.log[0].event)) << "counted already";
  lost.apply(began(noon));
  EXPECT_TRUE(lost.charge(noon + 10min, all).empty()) << "its end is told again, too";
  lost.apply(ended(noon, noon + 100s));
  EXPECT_TRUE(lost.charge(noon + 10min, all).empty());
  EXPECT_EQ(encode(lost.job("a")), encode(ledger.job("a")));
  auto& run = lost.job("a").run;
  EXPECT_EQ(run.record.spent.total_microusd, before);
  EXPECT_EQ(run.record.spent.run_ms, 100'000);
  // An end that turns out to be another is another matter.
  Fact other = ended(noon, noon + 90s);
  other.seq = 11;
  lost.apply(other);
  EXPECT_EQ(lost.charge(noon + 10min, all).size(), 1U);
}

TEST_F(LedgerTest, AnEndBeforeItsBeginCostsNothing) {
  ledger.apply(ended(noon, noon - 10s));
  EXPECT_EQ(charge(noon + 1min), Told{"12:00:00-12:00:00 final"});
  EXPECT_EQ(sum(), 0);
  EXPECT_EQ(charge(noon + 2min), Told{});
}

TEST_F(LedgerTest, ALimitLeavesTheRestForLater) {
  ledger.apply(ended(noon, noon + 10min));
  for (int i = 0; i < 20; ++i) {
    const auto charges = ledger.charge(noon + 1h, 3);
    consumer.take(charges);
    ASSERT_LE(charges.size(), 3U);
  }
  EXPECT_EQ(sum(), price(noon, noon + 10min));
  EXPECT_TRUE(consumer.accounts.at({"a", 1}).final);
}

TEST_F(LedgerTest, SaysWhichJobsAreToBeStored) {
  ledger.apply(began(noon));
  EXPECT_EQ(ledger.take_changed(), Told{"a"});
  EXPECT_EQ(ledger.take_changed(), Told{});
  charge(noon + 10s);
  EXPECT_EQ(ledger.take_changed(), Told{});
  charge(noon + 40s);
  EXPECT_EQ(ledger.take_changed(), Told{"a"});
  ledger.apply(began(noon));
  EXPECT_EQ(ledger.take_changed(), Told{}) << "told again";
}

TEST(JobText, IsReadBackAsItWas) {
  pricing::RateHistory rates;
  Ledger ledger(rates);
  auto fact = began(noon + 1s, 2);
  fact.bearer.usage.resources.gpu_share = 0.25;
  fact.bearer.team = "a \"b\"\n";
  ledger.apply(ended(noon - 1h, noon));
  ledger.apply(fact);
  ledger.charge(noon + 100s, 100'000);
  const auto& job = ledger.job("a");
  const auto back = decode_job(encode(job)).value();
  ASSERT_EQ(back.attempts.size(), 2U);
  EXPECT_EQ(encode(back), encode(job));
  EXPECT_EQ(back.attempts.at(2).bearer->team, "a \"b\"\n");
  EXPECT_EQ(back.attempts.at(2).bearer->usage.resources.gpu_share, 0.25);
  EXPECT_EQ(back.attempts.at(2).until, job.attempts.at(2).until);
  EXPECT_EQ(back.attempts.at(1).end_seq, 12);
  for (const auto* broken : {"", "[[1]]", R"([[1,{"c":[1,2]}]])", R"([["x",{"c":[1,2,3]}]])"}) {
    EXPECT_EQ(decode_job(broken).error().kind, ErrorKind::fatal) << broken;
  }
}

}  // namespace
}  // namespace oppen::cost
