// Whether a later run followed a recommendation, and what that saved.
#include "workers/cost/recommend/followed.hpp"

#include <gtest/gtest.h>

#include "tests/unit/cost_recommend/runs.hpp"

namespace oppen::cost {
namespace {

using namespace test;
using namespace std::chrono_literals;

const pricing::RateHistory price_list;

CostRecommendation recommendation(const std::string& strategy) {
  return *of(recommended(mnist()), strategy);
}

RunRecord next_day() {
  auto run = mnist();
  run.job_id = "mnist-2";
  run.started_at = *run.started_at + 24h;
  price(run);
  return run;
}

TEST(FollowedBy, ALargerBatch) {
  auto later = next_day();
  later.batch_size = 128;
  later.run_seconds = 205;
  price(later);
  const auto outcome = followed_by(recommendation("batch_size"), mnist(), later, price_list);
  ASSERT_TRUE(outcome);
  // 205 s instead of 246: 16.7 %, of 20,500.
  EXPECT_NEAR(outcome->saved_percent, 16.67, 0.01);
  EXPECT_EQ(outcome->saved_microusd, 3'417);
  EXPECT_TRUE(outcome->kept);
  EXPECT_TRUE(outcome->alone);
  EXPECT_EQ(outcome->run, "mnist-2");
  EXPECT_EQ(outcome->recommendation_id, "rec-mnist-1-batch-size");
}

TEST(FollowedBy, ThatSavedLessThanPromised) {
  auto later = next_day();
  later.batch_size = 128;
  later.run_seconds = 240;
  price(later);
  const auto outcome = followed_by(recommendation("batch_size"), mnist(), later, price_list);
  ASSERT_TRUE(outcome);
  EXPECT_FALSE(outcome->kept);
}

TEST(FollowedBy, IsOfAnEpoch) {
  auto later = next_day();
  later.spot = true;
  later.epochs = later.epochs_done = 4;
  later.run_seconds = 492;
  price(later);
  const auto outcome = followed_by(recommendation("spot"), mnist(), later, price_list);
  ASSERT_TRUE(outcome);
  EXPECT_NEAR(outcome->saved_percent, 70, 0.01);
  EXPECT_TRUE(outcome->alone);
}

TEST(FollowedBy, TheOffPeakWindow) {
  auto later = next_day();
  const auto off_peak = recommendation("off_peak");
  EXPECT_FALSE(followed_by(off_peak, mnist(), later, price_list)) << "at noon again";
  later.started_at = at("2026-01-04T22:30:00Z");
  price(later);
  const auto outcome = followed_by(off_peak, mnist(), later, price_list);
  ASSERT_TRUE(outcome);
  EXPECT_NEAR(outcome->saved_percent, 50, 0.01);
}

TEST(FollowedBy, WithSomethingElseIsNotItsOwnSaving) {
  auto later = next_day();
  later.batch_size = 128;
  later.spot = true;
  price(later);
  const auto outcome = followed_by(recommendation("batch_size"), mnist(), later, price_list);
  ASSERT_TRUE(outcome);
  EXPECT_FALSE(outcome->alone);
}

// Two runs that lie half in the cheap hours cost what their halves are, whatever else was changed.
TEST(FollowedBy, InMixedHoursItIsNotItsOwnSaving) {
  auto later = next_day();
  later.batch_size = 128;
  later.started_at = at("2026-01-04T21:58:00Z");
  price(later);
  const auto outcome = followed_by(recommendation("batch_size"), mnist(), later, price_list);
  ASSERT_TRUE(outcome);
  EXPECT_FALSE(outcome->alone);
}

TEST(FollowedBy, AtOtherRatesItIsNotItsOwnSaving) {
  auto later = next_day();
  later.batch_size = 128;
  PolicyChanged changed;
  changed.cost_model = {{"gpu_hourly_usd", "0.1"}};
  changed.effective_from = *mnist().ended_at + 1h;
  pricing::RateHistory rates;
  ASSERT_TRUE(rates.take(changed));
  const auto outcome = followed_by(recommendation("batch_size"), mnist(), later, rates);
  ASSERT_TRUE(outcome);
  EXPECT_FALSE(outcome->alone);
  changed.effective_from = *later.ended_at + 1h;
  pricing::RateHistory after;
  ASSERT_TRUE(after.take(changed));
  EXPECT_TRUE(followed_by(recommendation("batch_size"), mnist(), later, after)->alone);
}

TEST(FollowedBy, NoOtherWorkAndNothingEarlier) {
  const auto batch = recommendation("batch_size");
  auto later = next_day();
  EXPECT_FALSE(followed_by(batch, mnist(), later, price_list)) << "nothing was changed";
  later.batch_size = 128;
  ASSERT_TRUE(followed_by(batch, mnist(), later, price_list));
  auto other = later;
  other.name = "mnist-test";
  EXPECT_FALSE(followed_by(batch, mnist(), other, price_list));
  other = later;
  other.team = "speech";
  EXPECT_FALSE(followed_by(batch, mnist(), other, price_list)) << "of another team";
  other = later;
  other.workload_type = "batch";
  EXPECT_FALSE(followed_by(batch, mnist(), other, price_list));
  other = later;
  other.state = "failed";
  EXPECT_FALSE(followed_by(batch, mnist(), other, price_list));
  other = later;
  other.started_at = *mnist().started_at + 1min;
  EXPECT_FALSE(followed_by(batch, mnist(), other, price_list)) << "before the first had ended";
  auto nothing_to_do = batch;
  nothing_to_do.action.changes = nlohmann::json::object();
  EXPECT_FALSE(followed_by(nothing_to_do, mnist(), later, price_list));
}

// The scheduler names a job that has no name by its id: such runs are one work, and the command doesn't name the next one so.
TEST(FollowedBy, ARunWithoutANameByAnotherOne) {
  auto first = mnist();
  first.name = first.job_id;
  const auto batch = *of(recommended(first), "batch_size");
  EXPECT_EQ(batch.action.command.find("--name"), std::string::npos) << batch.action.command;
  auto later = next_day();
  later.batch_size = 128;
  EXPECT_FALSE(followed_by(batch, first, later, price_list)) << "it has a name";
  later.name = later.job_id;
  EXPECT_TRUE(followed_by(batch, first, later, price_list));
  EXPECT_EQ(place_of("spot", first), place_of("spot", later));
  EXPECT_NE(place_of("spot", first), place_of("spot", mnist()));
  EXPECT_NE(place_of("spot", first), place_of("batch_size", first));
}

TEST(FollowedBy, WhatIsKeptOfARecommendationIsEnough) {
  auto later = next_day();
  later.batch_size = 128;
  later.run_seconds = 205;
  price(later);
  const auto batch = recommendation("batch_size");
  const auto kept = read_short("batch_size", short_text(batch));
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->job_id, "mnist-1");
  const auto outcome = followed_by(*kept, mnist(), later, price_list);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->recommendation_id, batch.recommendation_id);
  EXPECT_TRUE(outcome->kept);
  EXPECT_TRUE(outcome->alone);
  for (const char* text : {"", "{}", "[1]", R"(["a","b","c","d",{}])"})
    EXPECT_FALSE(read_short("spot", text)) << text;
}

}  // namespace
}  // namespace oppen::cost
