// Whether a later run followed a recommendation, and what that saved.
#include "workers/cost/recommend/followed.hpp"

#include <gtest/gtest.h>

#include "tests/unit/cost_recommend/runs.hpp"

namespace oppen::cost {
namespace {

using namespace test;
using namespace std::chrono_literals;

const pricing::CostModel price_list;

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
  TrackRecord record;
  record.add(*outcome);
  EXPECT_EQ(record.followed, 0);
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
  other.state = "failed";
  EXPECT_FALSE(followed_by(batch, mnist(), other, price_list));
  other = later;
  other.started_at = *mnist().started_at + 1min;
  EXPECT_FALSE(followed_by(batch, mnist(), other, price_list)) << "before the first had ended";
  auto nothing_to_do = batch;
  nothing_to_do.action.changes = nlohmann::json::object();
  EXPECT_FALSE(followed_by(nothing_to_do, mnist(), later, price_list));
}

TEST(TrackRecords, AreStored) {
  TrackRecords records;
  FollowedBy outcome;
  outcome.alone = outcome.kept = true;
  outcome.saved_percent = 16.5;
  records["batch_size"].add(outcome);
  outcome.kept = false;
  outcome.saved_percent = -2;
  records["batch_size"].add(outcome);
  const auto again = decode_track_records(encode(records));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->at("batch_size").followed, 2);
  EXPECT_EQ(again->at("batch_size").kept, 1);
  EXPECT_EQ(again->at("batch_size").mean_saved_percent(), 7.25);
  for (const char* text : {"", "[]", "{\"spot\":1}", "{\"spot\":[1,\"x\",2]}"})
    EXPECT_FALSE(decode_track_records(text)) << text;
}

}  // namespace
}  // namespace oppen::cost
