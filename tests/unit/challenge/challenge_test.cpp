// Proves what the steps of the challenge cost by arithmetic written out, which of them are kept and why, and their sum.
#include "producers/challenge/challenge.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace oppen::challenge {
namespace {

const Outcome& step_of(const Result& result, const std::string& name) {
  for (const auto& step : result.steps) {
    if (step.name == name) return step;
  }
  ADD_FAILURE() << "no step " << name;
  return result.steps.front();
}

TEST(Evaluate, TakesAsManyGpusAsTheLoadAsksFor) {
  // A batch of 1 takes 2.36008 ms: 423.7 a second, 296.6 of them at 70 %; 5000 / 296.6 = 16.86 GPUs, so 17, each $0.15 + $0.05 + 4 x $0.01.
  const auto baseline = evaluate({}, {}, {});
  EXPECT_EQ(baseline.gpus, 17);
  EXPECT_EQ(baseline.hourly_microusd, 17 * 240'000);
  // $4.08 for 5000 x 3600 = 18,000,000 inferences.
  EXPECT_NEAR(baseline.cost_per_1000_microusd, 226.667, 0.001);
  // 5000 / (17 x 423.7)
  EXPECT_NEAR(baseline.load_percent, 69.41, 0.01);
  EXPECT_GT(baseline.p50_ms, 2.36);
  EXPECT_GT(baseline.p99_ms, baseline.p50_ms);
}

TEST(Evaluate, OfASharedGpuPaysItsPart) {
  // A100, INT8, batches of 8: 0.45 + 203.2e6 / 699.75e9 = 0.74039 ms: 10,805 a second, 1,890.9 of a quarter at 70 %; 5000 / 1890.9 = 2.64,
  // so three quarters of $0.35 + $0.05 + $0.04.
  const Serving shared{"A100", Precision::int8, 8, 4};
  const auto outcome = evaluate(shared, {}, {});
  EXPECT_EQ(outcome.gpus, 0.75);
  EXPECT_EQ(outcome.hourly_microusd, 330'000);
  Serving whole = shared;
  whole.time_slices = 1;
  EXPECT_EQ(evaluate(whole, {}, {}).gpus, 1);
  EXPECT_GT(outcome.p99_ms, evaluate(whole, {}, {}).p99_ms) << "others have it in turn";
}

TEST(Evaluate, ByThePricesThatItIsGiven) {
  Prices prices;
  prices.gpu_type = {{"T4", 1'000'000}};
  prices.core = 0;
  prices.gib = 0;
  EXPECT_EQ(evaluate({}, {}, prices).hourly_microusd, 17'000'000);
  EXPECT_EQ(prices.with_host("A100"), prices.gpu) << "of a type without a price of its own";
}

TEST(Evaluate, ByWhatWasMeasured) {
  Workload workload;
  workload.measured = {{"T4", Precision::fp32, 1, 0.001, 70}};
  const auto outcome = evaluate({}, workload, {});
  EXPECT_TRUE(outcome.measured);
  // 1000 a second, 700 of them at 70 %: 7.14 GPUs.
  EXPECT_EQ(outcome.gpus, 8);
  EXPECT_EQ(outcome.accuracy_percent, 70);
  Serving other;
  other.batch_size = 8;
  EXPECT_FALSE(evaluate(other, workload, {}).measured);
}

TEST(Run, AddsUpToItsSum) {
  const auto result = run({}, {});
  ASSERT_EQ(result.steps.size(), 7u);
  EXPECT_EQ(result.steps[0].name, "baseline");
  // Savings of steps that were kept multiply to that of the sum.
  double left = 1;
  for (const auto& step : result.steps) {
    if (step.kept && step.name != "baseline") left *= 1 - step.saving_percent / 100;
  }
  EXPECT_NEAR(100 * (1 - left), result.sum.saving_percent, 1e-9);
  EXPECT_EQ(result.saved_per_day_microusd,
            24 * (result.steps[0].hourly_microusd - result.sum.hourly_microusd));
  EXPECT_NEAR(result.sum.accuracy_change, 75.920 - 76.456, 1e-9);
  EXPECT_EQ(result.sum.hourly_microusd, 330'000) << "three quarters of an A100";
  const auto& fp16 = step_of(result, "FP16");
  EXPECT_NEAR(fp16.roi, fp16.saving_percent / (static_cast<double>(fp16.hourly_microusd) / 1e6),
              1e-9);
}

TEST(Run, KeepsTheBestTypeOfGpuAlone) {
  const auto result = run({}, {});
  EXPECT_TRUE(step_of(result, "A100").kept);
  EXPECT_FALSE(step_of(result, "V100").kept);
  EXPECT_FALSE(step_of(result, "V100").why_not.empty());
}

TEST(Run, KeepsNothingThatSavesNothing) {
  Workload little;
  little.requests_per_second = 1;
  const auto result = run(little, {});
  for (const auto& step : result.steps) {
    if (step.name != "baseline" && step.name != "4 time slices") {
      EXPECT_FALSE(step.kept) << step.name;
    }
  }
  EXPECT_TRUE(step_of(result, "4 time slices").kept) << "a quarter of one GPU is enough";
}

TEST(Run, KeepsNothingThatIsTooSlowOrTooWrong) {
  Workload strict;
  strict.max_p99_ms = 0.1;
  for (const auto& step : run(strict, {}).steps) {
    if (step.name != "baseline") {
      EXPECT_FALSE(step.kept) << step.name;
    }
  }
  Workload wrong;
  wrong.measured = {{"T4", Precision::int8, 8, 0.0005, 60}};
  const auto result = run(wrong, {});
  const auto& int8 = step_of(result, "INT8");
  EXPECT_FALSE(int8.kept);
  EXPECT_EQ(int8.why_not, "it loses over 1 % of the accuracy");
}

TEST(Run, HasFiguresForTheLeastAndTheMost) {
  Workload little;
  little.requests_per_second = 0.001;
  little.measured = {{"T4", Precision::fp32, 1, least_batch_seconds, {}}};
  Workload slow;
  slow.requests_per_second = 1e7;
  slow.measured = {{"T4", Precision::fp32, 1, most_batch_seconds, {}}};
  Prices free;
  for (auto& [type, price] : free.gpu_type) price = 0;
  free.gpu = free.core = free.gib = 0;
  for (const auto& [workload, prices] :
       {std::pair(little, Prices()), std::pair(slow, Prices()), std::pair(Workload(), free)}) {
    const auto result = run(workload, prices);
    for (const auto& step : result.steps) {
      EXPECT_GT(step.gpus, 0) << step.name;
      EXPECT_GE(step.hourly_microusd, 0) << step.name;
      for (const double figure : {step.saving_percent, step.roi, step.p50_ms, step.p99_ms})
        EXPECT_TRUE(std::isfinite(figure)) << step.name;
    }
  }
  EXPECT_EQ(evaluate({}, little, {}).gpus, 1);
  EXPECT_EQ(step_of(run({}, free), "A100").why_not, "it saves nothing");
}

TEST(Run, SaysWhichMeasuredRunsAreOfNoStep) {
  Workload workload;
  workload.measured = {{"T4", Precision::fp16, 8, 0.004, {}},
                       {"T4", Precision::fp16, 16, 0.004, {}},
                       {"T4", Precision::fp16, 8, 0.005, {}}};
  const auto result = run(workload, {});
  ASSERT_EQ(result.unused.size(), 2u);
  EXPECT_EQ(result.unused[0].batch_size, 16);
  EXPECT_EQ(result.unused[1].batch_seconds, 0.005);
  EXPECT_EQ(to_json(result, workload, {})["unused_measured"][0]["batch_size"], 16);
}

TEST(ToJson, HasEveryStepAndTheSum) {
  const Workload workload;
  const auto body = to_json(run(workload, {}), workload, {});
  EXPECT_EQ(body["steps"].size(), 7u);
  EXPECT_EQ(body["steps"][0]["precision"], "FP32");
  EXPECT_EQ(body["sum"]["hourly_microusd"], 330'000);
  EXPECT_EQ(body["requests_per_second"], 5'000);
}

}  // namespace
}  // namespace oppen::challenge
