#include "workers/anomaly/spend/spend.hpp"

#include <gmock/gmock.h>

#include "tests/unit/anomaly_spend/days.hpp"

namespace oppen::anomaly {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using Labels = std::map<std::string, std::string>;

SpendOptions floor_of(double dollars) { return {.floor = MicroUsd{std::llround(dollars * 1e6)}}; }

TEST(Spend, SevenDaysOf40AndOneOf55) {
  Spend spend(floor_of(10));
  spends(spend, of_team("vision"), 0, 7, 40);
  EXPECT_THAT(told(spend, 7), testing::IsEmpty());
  spends(spend, of_team("vision"), 7, 8, 55);
  const auto findings = told(spend, 7 + 287.0 / 288);
  ASSERT_EQ(findings.size(), 1U) << "team, project and the rest tell the same: the total does";
  const auto& finding = findings[0];
  EXPECT_EQ(finding.kind, "cost_spike");
  EXPECT_EQ(finding.labels, (Labels{{"scope", "total"}}));
  EXPECT_THAT(finding.summary,
              StartsWith("Daily cost spike: expected $40, actual $55 (37 % increase). "));
  EXPECT_THAT(finding.summary, HasSubstr("Provisional: there are 7 days of history."));
  EXPECT_NEAR(finding.expected.value(), 40, 0.01);
  EXPECT_NEAR(finding.actual.value(), 55, 0.2);
  EXPECT_NEAR(static_cast<double>(finding.impact.value().value), 15e6, 0.2e6);
  EXPECT_EQ(finding.severity, "warning");
}

TEST(Spend, ARunawayTeamIsToldWithinTheHourWithItsCause) {
  Spend spend(floor_of(10));
  const Daily vision{of_team("vision"), 40, 2}, speech{of_team("speech"), 40, 2};
  spends(spend, 0, 14.5, {vision, speech});
  EXPECT_THAT(told(spend, 14.5), testing::IsEmpty());
  const SpentOn bert{"speech", "speech-p", "bert", "T4", "ml-training", "training"};
  for (int i = 0; i < 3; ++i) spend.note({NoteKind::started, day(14.5), bert, 1});
  spends(spend, 14.5, 14.53, {vision, speech, {bert, 90, 3}});
  const auto findings = told(spend, 14.53);
  ASSERT_EQ(findings.size(), 1U);
  ASSERT_FALSE(findings[0].causes.empty());
  const auto& cause = findings[0].causes[0];
  EXPECT_EQ(findings[0].labels, (Labels{{"model_type", "bert"}})) << "the narrowest";
  EXPECT_EQ(cause.dimension + "=" + cause.value, "team=speech");
  EXPECT_EQ(cause.explanation, "3 new GPU training jobs started unexpectedly of team speech");
  ASSERT_TRUE(findings[0].remedy);
  EXPECT_EQ(findings[0].remedy->changes["value"], "4") << "seven at once, three more than usual";
  EXPECT_EQ(findings[0].remedy->changes["until"], to_rfc3339(day(15.53)));
}

TEST(Spend, OppositeMovesThatCancelInTheTotalAreFound) {
  Spend spend(floor_of(10));
  spends(spend, 0, 14, {{of_team("vision"), 40}, {of_team("speech"), 60}});
  spends(spend, 14, 14.9, {{of_team("vision"), 80}, {of_team("speech"), 20}});
  const auto findings = told(spend, 14.9);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].labels, (Labels{{"team", "vision"}}));
}

TEST(Spend, ARisenPriceIsTold) {
  Spend spend(floor_of(10));
  spends(spend, 0, 14, {{of_team("vision"), 60}, {of_team("speech"), 60}});
  // Half the jobs, at twice the price: the day costs what it always does.
  spends(spend, 14, 14.1, {{of_team("vision"), 60, 1, 2}, {of_team("speech"), 60, 1, 2}});
  const auto findings = told(spend, 14.1);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].labels, (Labels{{"gpu_type", "T4"}}));
  EXPECT_NEAR(findings[0].expected.value(), 60, 0.5);
  EXPECT_NEAR(findings[0].actual.value(), 120, 0.5);
  ASSERT_EQ(findings[0].causes.size(), 1U);
  EXPECT_EQ(findings[0].causes[0].explanation, "price of GPU type T4 rose 100 %");
  EXPECT_FALSE(findings[0].remedy);
}

TEST(Spend, ADayThatWasToldIsNoBaseline) {
  Spend spend(floor_of(10));
  spends(spend, of_team("vision"), 0, 14, 40);
  spends(spend, of_team("vision"), 14, 14.9, 400);
  ASSERT_EQ(told(spend, 14.9).size(), 1U);
  spends(spend, of_team("vision"), 14.9, 16, 40);
  EXPECT_THAT(told(spend, 16), testing::IsEmpty());
  spends(spend, of_team("vision"), 16, 16.9, 80);
  const auto findings = told(spend, 16.9);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_NEAR(findings[0].expected.value(), 40, 0.01) << "not (6 x 40 + 364) / 7";
}

TEST(Spend, WhatIsNotWorthTheFloorIsNotTold) {
  Spend spend(floor_of(100));
  spends(spend, of_team("vision"), 0, 14, 40);
  spends(spend, of_team("vision"), 14, 14.9, 90);
  EXPECT_THAT(told(spend, 14.9), testing::IsEmpty()) << "$50 more";
}

TEST(Spend, WhatIsUsualIsNotTold) {
  Spend spend(floor_of(1));
  for (int i = 0; i < 20; ++i) spends(spend, of_team("vision"), i, i + 1, 30 + 10 * ((i + 1) % 3));
  EXPECT_THAT(told(spend, 19.9), testing::IsEmpty()) << "25 % above the mean, every third day";
}

TEST(Spend, TwoDaysOfHistoryAreTooFew) {
  Spend spend(floor_of(1));
  spends(spend, of_team("vision"), 0, 2, 40);
  spends(spend, of_team("vision"), 2, 2.9, 400);
  EXPECT_THAT(told(spend, 2.9), testing::IsEmpty());
}

TEST(Spend, SaysOnceThatItIsWellAgainAndForADay) {
  Spend spend(floor_of(10));
  spends(spend, of_team("vision"), 0, 14, 40);
  spends(spend, of_team("vision"), 14, 14.25, 200);
  ASSERT_EQ(told(spend, 14.25).size(), 1U);
  spends(spend, of_team("vision"), 14.25, 15.5, 40);
  const auto findings = spend.look(day(15.5));
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_FALSE(findings[0].holds);
  EXPECT_EQ(findings[0].labels, (Labels{{"scope", "total"}}));
  spends(spend, of_team("vision"), 15.5, 16.6, 40);
  EXPECT_THAT(spend.look(day(16.6)), testing::IsEmpty());
}

TEST(Spend, APlannedStretchNeitherAlertsNorIsABaseline) {
  Spend spend(floor_of(10));
  spends(spend, of_team("vision"), 0, 14, 40);
  for (const auto& labels : {Labels{{"scope", "total"}}, Labels{{"team", "vision"}}})
    spend.planned(labels, day(14), day(15));
  spends(spend, of_team("vision"), 14, 14.9, 400);
  EXPECT_THAT(told(spend, 14.9), testing::IsEmpty());
  spends(spend, of_team("vision"), 14.9, 15, 400);
  spends(spend, of_team("vision"), 15, 15.9, 80);
  const auto findings = told(spend, 15.9);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_NEAR(findings[0].expected.value(), 40, 0.01) << "not (6 x 40 + 400) / 7";
}

TEST(Spend, NoiseRaisesTheBar) {
  Spend spend(floor_of(10));
  spends(spend, of_team("vision"), 0, 14, 40);
  for (int i = 0; i < 3; ++i) spend.noise({{"scope", "total"}});
  for (const char* value : {"vision", "vision-p", "vision-m", "T4", "ml-training"})
    for (const char* dimension : {"team", "project", "model_type", "gpu_type", "namespace"})
      for (int i = 0; i < 3; ++i) spend.noise({{dimension, value}});
  spends(spend, of_team("vision"), 14, 14.9, 53);
  EXPECT_THAT(told(spend, 14.9), testing::IsEmpty()) << "1.95 x 20 % are 39 %";
}

TEST(Spend, OrderMakesNoDifference) {
  Spend in_turn(floor_of(10)), mixed(floor_of(10));
  const Daily vision{of_team("vision"), 40}, speech{of_team("speech"), 20};
  for (int half = 0; half < 14 * 48; ++half) {  // hours
    const double from = half / 48.0, until = (half + 1) / 48.0;
    spends(in_turn, from, until, {vision, speech});
    spends(mixed, from, until, {speech});  // of one before that of the other
    spends(mixed, from, until, {vision});
  }
  for (Spend* spend : {&in_turn, &mixed}) spends(*spend, of_team("vision"), 14, 14.9, 80);
  const auto a = told(in_turn, 14.9), b = told(mixed, 14.9);
  ASSERT_EQ(a.size(), 1U);
  ASSERT_EQ(b.size(), 1U);
  EXPECT_EQ(a[0].expected, b[0].expected);
  EXPECT_EQ(a[0].labels, b[0].labels);
}

TEST(Spend, LateOnesCountWithinTheBoundAndAreCountedBeyondIt) {
  Spend spend(floor_of(10));
  spends(spend, of_team("vision"), 0, 14, 40);
  spends(spend, of_team("vision"), 12.6, 12.7, 70);  // 34 hours before
  EXPECT_EQ(spend.dropped_late(), 0U);
  spends(spend, of_team("vision"), 12.0, 12.1, 70);
  EXPECT_GT(spend.dropped_late(), 0U);
}

TEST(Spend, GoesOnFromWhatItStored) {
  Spend before(floor_of(10)), after(floor_of(10));
  std::map<std::string, std::string> store;
  const auto keep = [&](Spend& spend) {
    for (auto& [key, value] : spend.changed())
      if (value.empty())
        store.erase(key);
      else
        store[key] = value;
  };
  spends(before, of_team("vision"), 0, 14, 40);
  before.planned({{"team", "speech"}}, day(14), day(15));
  keep(before);
  spends(before, of_team("vision"), 14, 14.5, 80);
  ASSERT_EQ(told(before, 14.5).size(), 1U);
  keep(before);
  EXPECT_THAT(before.changed(), testing::IsEmpty());
  for (const auto& [key, value] : store) ASSERT_TRUE(after.load(key, value)) << key;
  for (Spend* spend : {&before, &after}) spends(*spend, of_team("vision"), 14.5, 14.8, 80);
  const auto a = told(before, 14.8), b = told(after, 14.8);
  ASSERT_EQ(a.size(), 1U);
  ASSERT_EQ(b.size(), 1U);
  EXPECT_EQ(a[0].labels, b[0].labels);
  EXPECT_EQ(a[0].summary, b[0].summary);
  EXPECT_FALSE(after.load("meta", "garbage"));
  EXPECT_FALSE(after.load("x", ""));
}

TEST(Spend, ManyValuesAreBounded) {
  Spend spend({.floor = MicroUsd{1'000'000}, .most_series = 50, .most_workloads = 20});
  for (int i = 0; i < 200; ++i)
    spends(spend, of_team("team" + std::to_string(i)), 0, 5.0 / 288 / 5, 1);
  EXPECT_LE(spend.series(), 1 + 50 + 5U) << "the total, and (other) of each dimension";
}

}  // namespace
}  // namespace oppen::anomaly
