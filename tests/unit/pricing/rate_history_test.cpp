// Rates that change while a run goes on: each holds from its instant on, and however the run is cut at whatever edges, its
// intervals add up to its price.
#include "workers/cost/pricing/rate_history.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <random>

#include "workers/cost/pricing/off_peak.hpp"

namespace oppen::pricing {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

Time at(const char* text) { return parse_rfc3339(text).value(); }
const Time noon = at("2026-01-03T12:00:00Z");

PolicyChanged policy(Time from, std::map<std::string, std::string> rates) {
  PolicyChanged changed;
  changed.cost_model = std::move(rates);
  changed.effective_from = from;
  return changed;
}

Usage one_gpu() {
  Usage usage;
  usage.resources.gpus = 1;
  return usage;
}

TEST(RateHistory, BeginsWithTheContractsDefaults) {
  const RateHistory rates;
  EXPECT_EQ(rates.price(one_gpu(), noon, noon + 1h).total.value, 250'000);
  EXPECT_EQ(rates.next_edge(noon, noon + 9h), noon + 9h);
  EXPECT_EQ(rates.next_edge(noon, noon + 24h), at("2026-01-03T22:00:00Z"));
  EXPECT_EQ(rates.next_edge(at("2026-01-03T22:00:00Z"), noon + 48h), at("2026-01-04T06:00:00Z"));
}

TEST(RateHistory, AChangeHoldsFromItsInstantOn) {
  RateHistory rates;
  EXPECT_TRUE(rates.take(policy(noon + 20min, {{"gpu_hourly_usd", "1"}})).value());
  EXPECT_EQ(rates.next_edge(noon, noon + 1h), noon + 20min);
  // 20 minutes at $0.25 and 40 at $1: 0.083333 + 0.666667.
  EXPECT_EQ(rates.price(one_gpu(), noon, noon + 1h).total.value, 750'000);
  EXPECT_EQ(rates.price(one_gpu(), noon - 1h, noon).total.value, 250'000);
  EXPECT_FALSE(rates.take(policy(noon + 30min, {{"gpu_hourly_usd", "1"}})).value())
      << "the same again is no change";
  EXPECT_EQ(rates.next_edge(noon + 20min, noon + 1h), noon + 1h);
}

TEST(RateHistory, TheSumOverAllRatesIsRoundedOnce) {
  RateHistory rates;
  ASSERT_TRUE(rates.take(policy(noon, {{"gpu_hourly_usd", "0.000001"}})));
  ASSERT_TRUE(rates.take(policy(noon + 20min, {{"gpu_hourly_usd", "0.000002"}})));
  // A third of a micro-dollar, and a third of two: 1/3 + 1/3 = 2/3 is 1, though each alone would be none.
  EXPECT_EQ(rates.price(one_gpu(), noon, noon + 30min).total.value, 1);
}

TEST(RateHistory, WhatComesLaterInTheLogReplacesWhatWasToHoldThen) {
  RateHistory rates;
  ASSERT_TRUE(rates.take(policy(noon + 10s, {{"gpu_hourly_usd", "1"}})));
  ASSERT_TRUE(rates.take(policy(noon, {{"gpu_hourly_usd", "2"}})));  // by a clock that goes behind
  EXPECT_EQ(rates.price(one_gpu(), noon, noon + 1h).total.value, 2'000'000);
  EXPECT_EQ(rates.next_edge(noon, noon + 1h), noon + 1h);
}

TEST(RateHistory, AnOverrideHoldsUntilItsEnd) {
  RateHistory rates;
  PolicyChanged changed = policy(noon, {{"gpu_hourly_usd", "1"}});
  changed.overrides = {{"gpu_hourly_usd", "4", noon + 15min, "p"},
                       {"max_concurrent_jobs", "1", noon + 5min, "p"}};
  ASSERT_TRUE(rates.take(changed).value());
  EXPECT_EQ(rates.price(one_gpu(), noon, noon + 1h).total.value, 1'000'000 + 750'000);
  EXPECT_EQ(rates.next_edge(noon, noon + 1h), noon + 15min);
}

TEST(RateHistory, WhatIsNoRateIsRefusedAndTheLastGoodOneStays) {
  RateHistory rates;
  ASSERT_TRUE(rates.take(policy(noon, {{"gpu_hourly_usd", "1"}})));
  const auto refused = rates.take(policy(noon, {{"gpu_hourly_usd", "a quarter"}}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::invalid);
  EXPECT_NE(refused.error().message.find("gpu_hourly_usd"), std::string::npos);
  EXPECT_EQ(rates.price(one_gpu(), noon, noon + 1h).total.value, 1'000'000);
}

TEST(RateHistory, EdgesFollowTheClocksOfTheZone) {
  RateHistory rates;
  ASSERT_TRUE(rates.take(
      policy(at("2026-01-01T00:00:00Z"), {{"off_peak_window", "22:00-06:00 Europe/Berlin"}})));
  // The night in which the clocks go forward at 01:00 UTC: 22:00 is 21:00 UTC, 06:00 is 04:00 UTC.
  const Time end = at("2026-03-29T20:00:00Z");
  std::vector<Time> edges;
  for (Time edge = at("2026-03-28T12:00:00Z"); (edge = rates.next_edge(edge, end)) < end;)
    edges.push_back(edge);
  EXPECT_EQ(edges, (std::vector<Time>{at("2026-03-28T21:00:00Z"), at("2026-03-29T01:00:00Z"),
                                      at("2026-03-29T04:00:00Z")}));
  // 7 cheap hours of 24.
  EXPECT_EQ(
      rates.price(one_gpu(), at("2026-03-28T12:00:00Z"), at("2026-03-29T12:00:00Z")).total.value,
      17 * 250'000 + 7 * 125'000);
}

// Whatever the rates, the zone and the cuts.
TEST(RateHistory, IntervalsAddUpHoweverTheyAreCut) {
  std::mt19937_64 random(7);
  const auto uniform = [&](std::int64_t from, std::int64_t to) {
    return std::uniform_int_distribution<std::int64_t>(from, to)(random);
  };
  const char* windows[] = {"22:00-06:00 UTC", "01:17-02:43 Europe/Berlin", "00:00-24:00 UTC",
                           "05:00-05:00 UTC", "23:30-00:30 America/New_York"};
  const char* starts[] = {"2026-03-28T20:00:00Z", "2026-10-24T20:00:00Z", "2026-11-01T01:00:00Z",
                          "2026-06-01T00:00:00Z"};
  for (int round = 0; round < 200; ++round) {
    const Time start = at(starts[uniform(0, 3)]) + milliseconds(uniform(0, 3'600'000));
    const Time end = start + milliseconds(uniform(1, 48 * 3'600'000));
    RateHistory rates;
    for (auto changes = uniform(0, 5); changes > 0; --changes) {
      ASSERT_TRUE(rates.take(
          policy(start + milliseconds(uniform(-3'600'000, 48 * 3'600'000)),
                 {{"gpu_hourly_usd", "0." + std::to_string(uniform(100'000, 999'999))},
                  {"memory_gb_hourly_usd", "0.00" + std::to_string(uniform(1'000, 9'999))},
                  {"off_peak_multiplier", "0." + std::to_string(uniform(1, 9'999))},
                  {"off_peak_window", windows[uniform(0, 4)]}})));
    }
    Usage usage;
    usage.resources.gpu_share = static_cast<double>(uniform(1, 1'000)) / 1'000;
    usage.resources.cpu_millicores = uniform(1, 64'000);
    usage.resources.memory_bytes = uniform(1, std::int64_t{1} << 40);
    usage.priority = all_priorities[uniform(0, 2)];
    usage.spot = uniform(0, 1) == 1;

    std::vector<Time> cuts{start, end};
    for (auto count = uniform(0, 40); count > 0; --count)
      cuts.push_back(start + milliseconds(uniform(0, (end - start).count())));
    for (Time edge = start; (edge = rates.next_edge(edge, end)) < end;) cuts.push_back(edge);
    std::sort(cuts.begin(), cuts.end());
    Price sum;
    Price before;
    for (const Time cut : cuts) {
      const Price to = rates.price(usage, start, cut);
      ASSERT_GE(to.gpu, before.gpu);
      ASSERT_GE(to.cpu, before.cpu);
      ASSERT_GE(to.memory, before.memory);
      sum.gpu += to.gpu - before.gpu;
      sum.total += to.total - before.total;
      before = to;
    }
    const Price whole = rates.price(usage, start, end);
    ASSERT_EQ(sum.gpu, whole.gpu);
    ASSERT_EQ(sum.total, whole.total);
    // Between two edges everything is one rate: nothing was missed.
    for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
      if (cuts[i] == cuts[i + 1]) continue;
      const Time last = cuts[i + 1] - 1ms;
      ASSERT_EQ(hourly(usage, cuts[i], rates.at(cuts[i])), hourly(usage, last, rates.at(last)))
          << to_rfc3339(cuts[i]);
    }
  }
}

}  // namespace
}  // namespace oppen::pricing
