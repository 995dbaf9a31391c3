// The seeds' examples with their arithmetic, what past runs make of it, and when each is silent.
#include "workers/cost/recommend/recommend.hpp"

#include <gmock/gmock.h>

#include "schemas/parse.hpp"
#include "tests/unit/cost_recommend/runs.hpp"

namespace oppen::cost {
namespace {

using testing::HasSubstr;
using namespace test;

void expect_saving(const CostRecommendation* one, double low, double high) {
  ASSERT_NE(one, nullptr);
  EXPECT_NEAR(one->savings_percent.low, low, 0.051);
  EXPECT_NEAR(one->savings_percent.high, high, 0.051);
}

TEST(Recommend, TheSeedsMnistRun) {
  const auto run = mnist();
  ASSERT_EQ(run.spent.total_microusd, 20'500);
  const auto all = recommended(run);
  // 15 to 20 % of 20,500.
  const auto* batch = of(all, "batch_size");
  expect_saving(batch, 15, 20);
  EXPECT_EQ(batch->savings.low.value, 3'075);
  EXPECT_EQ(batch->savings.high.value, 4'100);
  EXPECT_EQ(batch->action.changes, (nlohmann::json{{"batch_size", 128}}));
  // It ran at noon: half of it off-peak, $0.01025.
  const auto* off_peak = of(all, "off_peak");
  expect_saving(off_peak, 50, 50);
  EXPECT_EQ(off_peak->savings.high.value, 10'250);
  EXPECT_EQ(off_peak->confidence, "high");
  // 0.3 of the price: 70 %, $0.01435. Each twentieth run is done again, at worst whole: 1 - 0.3 x 1.05 = 68.5 %.
  const auto* spot = of(all, "spot");
  expect_saving(spot, 68.5, 70);
  EXPECT_EQ(spot->savings.high.value, 14'350);
  EXPECT_THAT(spot->risk, HasSubstr("5 %"));
  // 123 s an epoch are not more than 300; two epochs can't be stopped early; nothing was measured.
  EXPECT_EQ(all.size(), 3U);
  EXPECT_EQ(all.front().strategy, "spot") << "the largest first";
}

TEST(Recommend, TheSeedsLlmWorkflow) {
  // $6.50, over a budget of $5: off-peak $3.25, spot $1.95.
  auto run = mnist();
  run.model_type = "llm";
  run.epochs = run.epochs_done = 5;
  run.run_seconds = 6 * 3600;
  price(run);
  run.spent.total_microusd = 6'500'000;
  const auto all = recommended(run);
  EXPECT_EQ(6'500'000 - of(all, "off_peak")->savings.high.value, 3'250'000);
  EXPECT_EQ(6'500'000 - of(all, "spot")->savings.high.value, 1'950'000);
  EXPECT_EQ(6'500'000 - of(all, "batch_size")->savings.high.value, 5'200'000);
  // 72 minutes an epoch are more than 5 minutes: 10 to 30 %.
  expect_saving(of(all, "training_efficiency"), 10, 30);
}

TEST(Recommend, NothingOfRunsThatFailedOrCostNothing) {
  auto run = mnist();
  run.state = "failed";
  EXPECT_TRUE(recommended(run).empty());
  run = mnist();
  run.spent = {};
  EXPECT_TRUE(recommended(run).empty());
}

TEST(Recommend, IsValidAndTheSameEachTime) {
  auto run = mnist();
  measure(run, 10, 15);
  run.cpu_cores_max = 0.2;
  run.memory_max_bytes = 1e9;
  run.resources.memory_bytes = std::int64_t{8} << 30;
  run.epochs = run.epochs_done = 10;
  run.run_seconds = 6000;
  price(run);
  measure(run, 10, 15);
  auto half = run;
  half.precision = "fp16";
  half.run_seconds /= 2;
  const auto history = like(half, 3, "h");
  const auto all = recommended(run, history);
  const auto again = recommended(run, history);
  ASSERT_EQ(all.size(), 9U) << "every strategy has something to say of it";
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(to_text(all[i]), to_text(again[i]));
    EXPECT_TRUE(parse_data<CostRecommendation>(to_data(all[i])));
    EXPECT_GT(all[i].savings.high.value, 0);
    EXPECT_LE(all[i].savings.low.value, all[i].savings.high.value);
    EXPECT_TRUE(all[i].evidence.contains("confidence_because"));
  }
  EXPECT_EQ(of(all, "off_peak")->recommendation_id, "rec-mnist-1-off-peak");
}

TEST(BatchSize, FromWhatWasTried) {
  const auto run = mnist();  // 123 s an epoch
  auto larger = run;
  larger.batch_size = 512;
  larger.run_seconds = 164;  // 82 s an epoch: a third less
  auto history = like(larger, 3, "l");
  history[0].run_seconds = 160;
  const auto all = recommended(run, history);
  // Quartiles of 80, 82, 82: 81 and 82. 1 - 82 / 123 = 33.3 %; 1 - 81 / 123 = 34.1 %.
  expect_saving(of(all, "batch_size"), 33.3, 34.1);
  EXPECT_EQ(of(all, "batch_size")->action.changes["batch_size"], 512);
  EXPECT_EQ(of(all, "batch_size")->confidence, "medium");
  EXPECT_EQ(of(recommended(run, like(larger, 10, "l")), "batch_size")->confidence, "high");
}

TEST(BatchSize, TooFewTriesLeaveThePrior) {
  auto larger = mnist();
  larger.batch_size = 512;
  larger.run_seconds = 20;
  const auto all = recommended(mnist(), like(larger, 2, "l"));
  expect_saving(of(all, "batch_size"), 15, 20);
}

TEST(BatchSize, SilentWhereLargerOnesDidNotHelp) {
  auto larger = mnist();
  larger.batch_size = 128;
  larger.run_seconds = 300;
  EXPECT_EQ(of(recommended(mnist(), like(larger, 3, "l")), "batch_size"), nullptr);
}

TEST(BatchSize, SilentWhereItIsLargeOrTheGpuBusy) {
  auto run = mnist();
  run.batch_size = 256;
  EXPECT_EQ(of(recommended(run), "batch_size"), nullptr);
  run = mnist();
  measure(run, 95, 100);
  EXPECT_EQ(of(recommended(run), "batch_size"), nullptr);
  run = mnist();
  run.resources.gpus = 0;
  EXPECT_EQ(of(recommended(run), "batch_size"), nullptr);
}

TEST(BatchSize, SaysWhatAccuracyIsLost) {
  auto larger = mnist();
  larger.batch_size = 256;
  larger.run_seconds = 123;
  larger.metrics["accuracy"] = 0.95;
  const auto all = recommended(mnist(), like(larger, 12, "l"));
  const auto* one = of(all, "batch_size");
  ASSERT_NE(one, nullptr);
  EXPECT_EQ(one->confidence, "low");
  EXPECT_NEAR(one->evidence["accuracy_lost"].get<double>(), 0.037, 1e-9);
}

TEST(TrainingEfficiency, AgainstPastRuns) {
  auto run = mnist();
  run.run_seconds = 1200;  // 600 s an epoch
  price(run);
  auto past = run;
  past.run_seconds = 900;  // 450 s
  // 1 - 450 / 600 = 25 %.
  expect_saving(of(recommended(run, like(past, 3, "p")), "training_efficiency"), 25, 25);
  EXPECT_EQ(of(recommended(run, like(run, 3, "p")), "training_efficiency"), nullptr)
      << "it is as fast as they are";
}

TEST(TrainingEfficiency, FiveMinutesAreNotMore) {
  auto run = mnist();
  run.run_seconds = 600;
  price(run);
  EXPECT_EQ(of(recommended(run), "training_efficiency"), nullptr);
  run.run_seconds = 602;
  price(run);
  const auto all = recommended(run);
  expect_saving(of(all, "training_efficiency"), 10, 30);
  EXPECT_EQ(of(all, "training_efficiency")->action.command, "oppen logs mnist-1");
}

TEST(TrainingEfficiency, ProcessorsWhereTheGpuWaitsForThem) {
  auto run = mnist();
  run.run_seconds = 1200;
  price(run);
  measure(run, 20, 30);
  run.cpu_cores_mean = 0.97;
  const auto all = recommended(run);
  EXPECT_EQ(of(all, "training_efficiency")->action.changes, (nlohmann::json{{"cpu", "2"}}));
}

TEST(OffPeak, WhatRanOutsideOfTheWindow) {
  auto run = mnist();
  run.started_at = at("2026-01-03T23:00:00Z");
  price(run);
  EXPECT_EQ(of(recommended(run), "off_peak"), nullptr) << "it ran there";
  // From 21:00 to 23:00 one hour of two was cheap: (1 + 0.5) / 2 = 0.75; 1 - 0.5 / 0.75 = 33.3 %.
  run.started_at = at("2026-01-03T21:00:00Z");
  run.run_seconds = 7200;
  price(run);
  expect_saving(of(recommended(run), "off_peak"), 33.3, 33.3);
  // 16 hours from 06:00: 8 of them fit into the window: 1 - (0.5 x 0.5 + 0.5) = 25 %.
  run.started_at = at("2026-01-03T06:00:00Z");
  run.run_seconds = 16 * 3600;
  price(run);
  expect_saving(of(recommended(run), "off_peak"), 25, 25);
}

TEST(OffPeak, SilentForWhatCantWait) {
  auto run = mnist();
  run.priority = Priority::urgent;
  EXPECT_EQ(of(recommended(run), "off_peak"), nullptr);
  run = mnist();
  run.workload_type = "inference";
  EXPECT_EQ(of(recommended(run), "off_peak"), nullptr);
}

TEST(Spot, SilentOnSpot) {
  auto run = mnist();
  run.spot = true;
  price(run);
  EXPECT_EQ(of(recommended(run), "spot"), nullptr);
}

TEST(Spot, InterruptionsAsTheyHappened) {
  auto spot = mnist();
  spot.spot = true;
  auto history = like(spot, 20, "s");
  for (std::size_t i = 0; i < 10; ++i) history[i].attempts = 2;
  // Every second one was interrupted: 1 - 0.3 x 1.5 = 55 %.
  const auto all = recommended(mnist(), history);
  expect_saving(of(all, "spot"), 55, 70);
  EXPECT_EQ(of(all, "spot")->confidence, "high");
}

TEST(EarlyStopping, FromTheEpochs) {
  auto run = mnist();
  run.epochs = run.epochs_done = 10;
  const std::vector<double> by_epoch = {0.5,   0.8,    0.9,    0.949,  0.9495,
                                        0.949, 0.9496, 0.9495, 0.9499, 0.948};
  // No gain of 0.1 points after epoch 4; two epochs of patience: 6 of 10.
  const auto all = recommended(run, {}, by_epoch);
  expect_saving(of(all, "early_stopping"), 40, 60);
  EXPECT_EQ(of(all, "early_stopping")->action.changes["epochs"], 6);
  EXPECT_EQ(of(all, "early_stopping")->confidence, "high");
  const std::vector<double> rising = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99};
  EXPECT_EQ(of(recommended(run, {}, rising), "early_stopping"), nullptr);
}

TEST(EarlyStopping, FromTheFinalAccuracy) {
  auto run = mnist();
  run.epochs = run.epochs_done = 5;
  const auto all = recommended(run);
  // 20 to 40 % of 20,500.
  expect_saving(of(all, "early_stopping"), 20, 40);
  EXPECT_EQ(of(all, "early_stopping")->savings.low.value, 4'100);
  EXPECT_EQ(of(all, "early_stopping")->savings.high.value, 8'200);
  EXPECT_EQ(of(all, "early_stopping")->action.changes["epochs"], 4);
  run.metrics["accuracy"] = 98.7;  // in percent
  EXPECT_NE(of(recommended(run), "early_stopping"), nullptr);
  run.metrics["accuracy"] = 0.94;
  EXPECT_EQ(of(recommended(run), "early_stopping"), nullptr);
  run.metrics["accuracy"] = "good";
  EXPECT_EQ(of(recommended(run), "early_stopping"), nullptr);
}

TEST(EarlyStopping, FromShorterRuns) {
  auto run = mnist();
  run.epochs = run.epochs_done = 10;
  auto shorter = run;
  shorter.epochs = shorter.epochs_done = 6;
  const auto all = recommended(run, like(shorter, 3, "s"));
  expect_saving(of(all, "early_stopping"), 40, 40);
  EXPECT_EQ(of(all, "early_stopping")->action.changes["epochs"], 6);
}

TEST(GpuType, FromPastRuns) {
  const auto run = mnist();
  auto on_a100 = run;
  on_a100.gpu_type = "A100";
  on_a100.run_seconds = 123;
  // Half the time at $0.40 an hour (with a core), not $0.30: 1 - 0.5 x 0.40 / 0.30 = 33.3 %.
  const auto all = recommended(run, like(on_a100, 3, "a"));
  expect_saving(of(all, "gpu_type"), 33.3, 33.3);
  EXPECT_EQ(of(all, "gpu_type")->action.changes["gpu_type"], "A100");
  on_a100.run_seconds = 240;
  EXPECT_EQ(of(recommended(run, like(on_a100, 3, "a")), "gpu_type"), nullptr)
      << "hardly faster, and dearer";
}

TEST(GpuType, CheaperWhereItWasIdle) {
  auto run = mnist();
  measure(run, 20, 40);
  // A T4 costs $0.20 with a core, not $0.30: 33.3 %; a quarter more time: 1 - 1.25 x 0.2 / 0.3 = 16.7 %.
  expect_saving(of(recommended(run), "gpu_type"), 16.7, 33.3);
  measure(run, 20, 60);
  EXPECT_EQ(of(recommended(run), "gpu_type"), nullptr);
}

TEST(Quantization, OnlyWhatWasTried) {
  auto run = mnist();
  run.workload_type = "inference";
  run.metrics = {{"inferences_per_second", 100}, {"accuracy", 0.90}};
  EXPECT_EQ(of(recommended(run), "quantization"), nullptr);
  auto fp16 = run;
  fp16.precision = "fp16";
  fp16.metrics = {{"inferences_per_second", 160}, {"accuracy", 0.88}};
  // 100 / 160 of the time: 37.5 %.
  const auto all = recommended(run, like(fp16, 1, "q"));
  expect_saving(of(all, "quantization"), 37.5, 37.5);
  EXPECT_EQ(of(all, "quantization")->confidence, "low") << "tried once";
  EXPECT_THAT(of(all, "quantization")->risk, HasSubstr("88.0 %"));
  EXPECT_EQ(of(recommended(fp16, like(run, 3, "q")), "quantization"), nullptr) << "not upwards";
}

TEST(GpuSharing, WhereTheRestWasIdle) {
  auto run = mnist();
  measure(run, 12, 20);
  // 17,083 of the 20,500 are the GPU's: 1/4 of it saves 12,812, 62.5 %; a tenth more time: 1 - 1.1 x 0.375 = 58.75 %.
  const auto all = recommended(run);
  expect_saving(of(all, "gpu_sharing"), 58.75, 62.5);
  EXPECT_EQ(of(all, "gpu_sharing")->action.changes["gpu_share"], 0.25);
  measure(run, 12, 41);  // x 1.2 = 49.2: a half
  EXPECT_EQ(of(recommended(run), "gpu_sharing")->action.changes["gpu_share"], 0.5);
  measure(run, 12, 42);
  EXPECT_EQ(of(recommended(run), "gpu_sharing"), nullptr);
  measure(run, 12, 20);
  run.spent.measured_microusd = run.spent.gpu_microusd / 3;
  EXPECT_EQ(of(recommended(run), "gpu_sharing"), nullptr) << "too little was measured";
}

TEST(RightSize, FromTheMostThatWasUsed) {
  auto run = mnist();
  run.resources.cpu_millicores = 4000;
  run.resources.memory_bytes = std::int64_t{8} << 30;
  run.run_seconds = 3600;
  price(run);  // $0.25 + 4 x $0.05 + 8 x $0.01 = $0.53
  ASSERT_EQ(run.spent.total_microusd, 530'000);
  EXPECT_EQ(of(recommended(run), "right_size"), nullptr) << "nothing was measured";
  run.cpu_cores_max = 0.7;
  run.memory_max_bytes = 1.5 * (1 << 30);
  // 0.7 x 1.25 = 0.875 cores: 1; 1.5 x 1.25 = 1.875 GiB: 2 (steps of 256 MiB, 7.5 of them). 3 x 0.05 + 6 x 0.01 = $0.21 less.
  const auto all = recommended(run);
  expect_saving(of(all, "right_size"), 39.6, 39.6);
  EXPECT_EQ(of(all, "right_size")->action.changes,
            (nlohmann::json{{"cpu", "1"}, {"memory", "2Gi"}}));
  auto hungry = run;
  hungry.cpu_cores_max = 3.9;
  hungry.memory_max_bytes = 7.9 * (1 << 30);
  EXPECT_EQ(of(recommended(run, like(hungry, 1, "h")), "right_size"), nullptr);
}

TEST(Recommend, MovesConfidenceByWhatWasFollowed) {
  TrackRecords followed;
  followed["batch_size"] = {3, 3, 51};
  followed["spot"] = {3, 0, 3};
  followed["off_peak"] = {3, 0, -6};
  auto all = recommended(mnist(), {}, {}, followed);
  EXPECT_EQ(of(all, "batch_size")->confidence, "medium") << "low without";
  EXPECT_EQ(of(all, "batch_size")->evidence["saved_percent_mean"], 17);
  EXPECT_EQ(of(all, "spot")->confidence, "low") << "medium without";
  EXPECT_EQ(of(all, "off_peak"), nullptr) << "it cost more than it saved";
  followed["batch_size"] = {2, 2, 34};
  followed.erase("spot");
  all = recommended(mnist(), {}, {}, followed);
  EXPECT_EQ(of(all, "batch_size")->confidence, "low") << "twice says nothing";
  EXPECT_EQ(of(all, "batch_size")->evidence["followed"], 2) << "and is told";
  EXPECT_EQ(of(all, "batch_size")->evidence["kept"], 2);
  EXPECT_FALSE(of(all, "spot")->evidence.contains("followed"));
}

}  // namespace
}  // namespace oppen::cost
