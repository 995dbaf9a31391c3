// Proves what configurations are compared by: a worked example, where each figure comes from, and what a thousand inferences cost.
#include "workers/cost/report/compare.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace oppen::cost {
namespace {

using namespace std::chrono_literals;

Time at(const char* text) { return parse_rfc3339(text).value(); }
const Time noon = at("2026-01-03T12:00:00Z");

JobSpec spec(int epochs, int batch_size) {
  JobSpec one;
  one.job_id = "config-" + std::to_string(batch_size);
  one.model_type = "mnist";
  one.epochs = epochs;
  one.batch_size = batch_size;
  one.resources.gpus = 1;
  one.resources.cpu_millicores = 1'000;
  one.resources.memory_bytes = 0;
  one.priority = Priority::normal;
  return one;
}

// By its catalogue a run of two epochs at batch size 64 takes 4.1 minutes.
plan::Policy policy() {
  plan::Policy rules;
  rules.model_catalog["mnist"].seconds_per_epoch = 123;
  return rules;
}

Compared compare_one(const JobSpec& one, const std::vector<RunRecord>& history = {},
                     Time now = noon) {
  return look_at(one, history, policy(), {}, now).value();
}

RunRecord served(int batch_size, double latency, double per_second,
                 const std::string& precision = "") {
  RunRecord run;
  run.model_type = "mnist";
  run.workload_type = "inference";
  run.state = "succeeded";
  run.epochs = 1;
  run.batch_size = batch_size;
  run.precision = precision;
  run.run_seconds = 60;
  run.metrics = {{"latency_p99_ms", latency}, {"inferences_per_second", per_second}};
  return run;
}

TEST(Compare, OfTheWorkedExample) {
  // 2 epochs at 64 cost $0.0205, at 128 they take half the time and cost $0.0103: 246 s / 3600 x 0.30 = 20,500; 123 s = 10,250
  // micro-dollars.
  const auto small = compare_one(spec(2, 64));
  const auto large = compare_one(spec(2, 128));
  EXPECT_EQ(small.basis, "catalogue");
  EXPECT_NEAR(small.seconds.expected, 246, 0.01);
  EXPECT_NEAR(large.seconds.expected, 123, 0.01);
  EXPECT_NEAR(static_cast<double>(small.cost.value), 20'500, 1);
  EXPECT_NEAR(static_cast<double>(large.cost.value), 10'250, 1);
  EXPECT_EQ(to_string(MicroUsd{10'250}), "$0.0103");
  const auto body = to_json({small, large}, noon);
  EXPECT_EQ(body["cheapest"], "config-128");
  EXPECT_EQ(body["fastest"], "config-128");
  EXPECT_FALSE(body.contains("cheapest_per_inference"));
  EXPECT_FALSE(body["configurations"][0].contains("latency_p99_ms"));
}

TEST(Compare, SaysWhereItsTimesAreFrom) {
  RunRecord run = served(64, 1, 1);
  run.workload_type = "training";
  run.epochs = 2;
  run.run_seconds = 300;
  const auto known = compare_one(spec(2, 64), std::vector<RunRecord>(20, run));
  EXPECT_EQ(known.basis, "history");
  EXPECT_EQ(known.history_runs, 20);
  EXPECT_NEAR(known.seconds.expected, 300, 5);
  JobSpec stranger = spec(2, 64);
  stranger.model_type = "unheard-of";
  EXPECT_EQ(compare_one(stranger).basis, "default");
}

TEST(Compare, OfAThousandInferences) {
  // At batch size 8, 100 and 120 inferences a second: 110. The hour costs 300,000: 300,000 / 3600 / 110 x 1000 = 757.58.
  const std::vector<RunRecord> history = {served(8, 40, 100), served(8, 44, 120), served(1, 9, 30)};
  const auto served_by = [](int batch_size) {
    auto one = spec(1, batch_size);
    one.workload_type = "inference";
    return one;
  };
  const auto batched = compare_one(served_by(8), history);
  EXPECT_EQ(batched.measured_runs, 2);
  EXPECT_DOUBLE_EQ(*batched.latency_p99_ms, 42);
  EXPECT_NEAR(*batched.per_1000_inferences_microusd, 757.58, 0.01);
  const auto single = compare_one(served_by(1), history);
  // 300,000 / 3600 / 30 x 1000 = 2,777.78
  EXPECT_NEAR(*single.per_1000_inferences_microusd, 2'777.78, 0.01);
  const auto body = to_json({single, batched}, noon);
  EXPECT_EQ(body["cheapest_per_inference"], "config-8");
  EXPECT_EQ(body["least_latency"], "config-1");
}

TEST(Compare, OnlyWithRunsOfTheSameWorkOnAsManyGpus) {
  RunRecord run = served(64, 40, 100);
  run.workload_type = "training";
  run.epochs = 2;
  run.run_seconds = 300;
  const std::vector<RunRecord> history(20, run);
  JobSpec two = spec(2, 64);
  two.resources.gpus = 2;
  const auto wider = compare_one(two, history);
  EXPECT_EQ(wider.basis, "history_other_gpus");
  EXPECT_NEAR(wider.seconds.expected, 300, 5);
  EXPECT_FALSE(wider.latency_p99_ms);
  JobSpec share = spec(2, 64);
  share.resources.gpus.reset();
  share.resources.gpu_share = 0.5;
  EXPECT_EQ(compare_one(share, history).basis, "history_other_gpus");
  JobSpec batch = spec(2, 64);
  batch.workload_type = "batch";
  EXPECT_EQ(compare_one(batch, history).basis, "catalogue");
}

TEST(Compare, EndsAtTheLimit) {
  JobSpec long_one = spec(48, 64);
  auto rules = policy();
  rules.model_catalog["mnist"].seconds_per_epoch = 3'600;
  long_one.max_runtime_seconds = 36'000;
  const auto cut = look_at(long_one, {}, rules, {}, noon).value();
  EXPECT_TRUE(cut.cut_short);
  EXPECT_DOUBLE_EQ(cut.seconds.expected, 36'000);
  EXPECT_DOUBLE_EQ(cut.seconds.high, 36'000);
  long_one.max_runtime_seconds = 7 * 86'400;
  const auto whole = look_at(long_one, {}, rules, {}, noon).value();
  EXPECT_FALSE(whole.cut_short);
  EXPECT_NEAR(whole.seconds.expected, 48 * 3'600, 1);
}

TEST(Compare, TellsTheSameNamesApart) {
  auto small = compare_one(spec(2, 64));
  auto large = compare_one(spec(2, 128));
  small.name = large.name = "mine";
  EXPECT_EQ(to_json({small, large}, noon)["cheapest"], "mine (config-128)");
}

TEST(Compare, OfAPrecision) {
  const std::vector<RunRecord> history = {served(8, 40, 100, "fp32"), served(8, 20, 200, "fp16")};
  JobSpec half = spec(1, 8);
  half.workload_type = "inference";
  half.labels["precision"] = "fp16";
  EXPECT_DOUBLE_EQ(*compare_one(half, history).inferences_per_second, 200);
  half.labels["precision"] = "int8";
  EXPECT_FALSE(compare_one(half, history).inferences_per_second);
}

TEST(Compare, OfCheapHoursSpotAndPriority) {
  JobSpec later = spec(2, 64);
  later.window = "off_peak";
  const auto night = compare_one(later);
  EXPECT_EQ(night.start, at("2026-01-03T22:00:00Z"));
  EXPECT_NEAR(static_cast<double>(night.cost.value), 10'250, 1);
  JobSpec spot = spec(2, 64);
  spot.spot = true;
  spot.priority = Priority::urgent;
  // 20,500 x 0.3 x 1.5
  EXPECT_NEAR(static_cast<double>(compare_one(spot).cost.value), 9'225, 1);
}

}  // namespace
}  // namespace oppen::cost
