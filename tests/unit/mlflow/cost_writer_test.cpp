// Proves that what a run has cost and was worth comes to stand in MLflow, once, whatever dies or is away, and is put right when it changes.
#include "producers/mlflow/cost_writer.hpp"

#include <gmock/gmock.h>

#include "producers/mlflow/bridge.hpp"
#include "tests/unit/mlflow/fakes.hpp"

namespace oppen::mlflow {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::int64_t its_today_ms = day_ms * 20'000;

class CostWriterTest : public ::testing::Test {
 protected:
  CostWriterTest() { restart(); }

  void restart() {
    bridge_.reset();
    metrics_ = std::make_unique<runtime::Metrics>();
    health_ = std::make_unique<runtime::Health>();
    writer_ = std::make_unique<CostWriter>(mlflow_, costs_, Mapping::usual(), *metrics_, *health_);
    bridge_ = std::make_unique<Bridge>(mlflow_, topic_, writer_.get(), Mapping::usual(),
                                       BridgeOptions(), *metrics_, *health_);
  }
  // The first one after a start sweeps, then one every 10 minutes does.
  Status pass(std::chrono::milliseconds later = 0ms) {
    return bridge_->pass(Time(std::chrono::milliseconds(its_today_ms)) + later);
  }
  void passes(std::chrono::milliseconds later = 0ms) {
    const auto passed = pass(later);
    ASSERT_TRUE(passed) << passed.error().message;
  }
  static json find(const json& run, const char* kind, const std::string& key) {
    for (const auto& one : run["data"][kind]) {
      if (one["key"] == key) return one["value"];
    }
    return nullptr;
  }
  json tag(const std::string& id, const std::string& key) {
    return find(mlflow_.run(id), "tags", key);
  }
  json metric(const std::string& id, const std::string& key) {
    return find(mlflow_.run(id), "metrics", key);
  }
  std::set<std::pair<std::int64_t, double>> points(const std::string& id) {
    return mlflow_.history[{id, "oppen.cost_usd"}];
  }

  FakeMlflow mlflow_;
  FakeTopic topic_;
  FakeCosts costs_;
  std::unique_ptr<runtime::Metrics> metrics_;
  std::unique_ptr<runtime::Health> health_;
  std::unique_ptr<CostWriter> writer_;
  std::unique_ptr<Bridge> bridge_;
};

// From 0.90 to 0.945 is 5 % more; for $0.0205 that is 243.9 % a dollar.
TEST_F(CostWriterTest, CostCostPerEpochAndReturn) {
  auto& run = mlflow_.add("a", its_today_ms - 1000);
  set(run, "tags", "baseline_metric", "0.9");
  set(run, "metrics", "accuracy", 0.945);
  costs_.costs["a"] = {20'500};
  passes();
  EXPECT_EQ(metric("a", "oppen.cost_usd"), 0.0205);
  EXPECT_EQ(metric("a", "oppen.cost_per_epoch_usd"), 0.00205) << "of 10";
  EXPECT_EQ(metric("a", "oppen.roi"), 243.902);
  EXPECT_EQ(tag("a", "oppen.cost_microusd"), "20500");
  EXPECT_EQ(tag("a", "oppen.cost_per_epoch_microusd"), "2050");
  EXPECT_EQ(tag("a", "oppen.roi"), "243.902");
  EXPECT_THAT(points("a"), ElementsAre(std::pair(its_today_ms - 1000, 0.0205)))
      << "dated by the run's end";
  passes(15s);
  passes(11min);
  restart();
  passes(12min);
  EXPECT_EQ(mlflow_.writes(), 1);
  EXPECT_TRUE(health_->ready());
}

TEST_F(CostWriterTest, WhatThereIsNoWordOfIsNotWritten) {
  auto& run = mlflow_.add("a", its_today_ms - 1000);
  drop(run, "params", "epochs");  // no event can be made of it either, if nobody says
  set(run, "tags", "baseline_metric", "0.9");
  auto& free = mlflow_.add("free", its_today_ms - 900);
  set(free, "tags", "baseline_metric", "0.5");
  set(free, "metrics", "accuracy", 0.9);
  costs_.costs = {{"a", {20'500}}, {"free", {0}}};
  passes();
  EXPECT_EQ(metric("a", "oppen.cost_usd"), 0.0205);
  EXPECT_EQ(metric("a", "oppen.cost_per_epoch_usd"), nullptr);
  EXPECT_EQ(metric("a", "oppen.roi"), nullptr);
  EXPECT_EQ(tag("free", "oppen.cost_microusd"), "0");
  EXPECT_EQ(metric("free", "oppen.roi"), nullptr) << "nothing can be divided by nothing";
}

TEST_F(CostWriterTest, ItIsTheCostOfTheAttempt) {
  for (const auto* const attempt : {"1", "2"}) {
    auto& run = mlflow_.add(std::string("run-") + attempt, its_today_ms - 1000, "FAILED");
    set(run, "tags", "oppen.job_id", "a-job");
    set(run, "tags", "oppen.attempt", attempt);
  }
  set(mlflow_.add("untied", its_today_ms - 900), "tags", "oppen.job_id", "a-job");
  mlflow_.add("goes-on", 0);
  costs_.costs = {{"a-job/1", {100}}, {"a-job/2", {250}}, {"untied", {1}}, {"goes-on", {1}}};
  passes();
  EXPECT_EQ(tag("run-1", "oppen.cost_microusd"), "100");
  EXPECT_EQ(tag("run-2", "oppen.cost_microusd"), "250");
  EXPECT_EQ(tag("untied", "oppen.cost_microusd"), nullptr);
  EXPECT_EQ(tag("goes-on", "oppen.cost_microusd"), nullptr);
}

TEST_F(CostWriterTest, AsksUntilItIsCharged) {
  mlflow_.add("a", its_today_ms - 1000);
  passes();
  passes(15s);
  EXPECT_EQ(mlflow_.writes(), 0);
  costs_.costs["a"] = {5};
  passes(30s);
  passes(45s);
  EXPECT_EQ(tag("a", "oppen.cost_microusd"), "5");
  EXPECT_EQ(mlflow_.writes(), 1);
}

// The latest value of a metric is the one with the highest time, and of those the highest one.
TEST_F(CostWriterTest, ACorrectionIsWrittenByTheNextSweep) {
  mlflow_.add("a", its_today_ms - 1000);
  costs_.costs["a"] = {500};
  passes();
  costs_.costs["a"] = {300};
  passes(15s);
  EXPECT_EQ(mlflow_.writes(), 1);
  passes(11min);
  EXPECT_EQ(metric("a", "oppen.cost_usd"), 0.0003);
  EXPECT_EQ(tag("a", "oppen.cost_microusd"), "300");
  EXPECT_THAT(points("a"), SizeIs(2));
  set(mlflow_.run("a"), "params", "baseline_metric", "0.5");
  set(mlflow_.run("a"), "metrics", "accuracy", 0.75);
  passes(22min);
  EXPECT_NEAR(metric("a", "oppen.roi").get<double>(), 50 / 0.0003, 1e-3)
      << "of a baseline set later";
  EXPECT_THAT(points("a"), SizeIs(2)) << "and the cost has no point more";
}

TEST_F(CostWriterTest, WrittenOnceWhereItDiesInTheMiddle) {
  for (const auto* const id : {"a", "b", "c"}) {
    mlflow_.add(id, its_today_ms - 1000);
    costs_.costs[id] = {500};
  }
  mlflow_.dies_in_log_batch = 2;
  for (int i = 0; i < 2; ++i) {
    static_cast<void>(pass());
    restart();
  }
  passes();
  for (const auto* const id : {"a", "b", "c"}) {
    EXPECT_EQ(tag(id, "oppen.cost_microusd"), "500");
    EXPECT_THAT(points(id), SizeIs(1)) << id;
  }
}

TEST_F(CostWriterTest, WrittenWhateverRequestItDiesAt) {
  for (int i = 0; i < 5; ++i) {
    const auto id = "run-" + std::to_string(i);
    mlflow_.add(id, its_today_ms - i);
    costs_.costs[id] = {100 + i};
  }
  for (std::size_t good = 0; good < 12; ++good) {
    restart();
    mlflow_.answers.assign(good, std::nullopt);
    mlflow_.answers.emplace_back(Error{ErrorKind::unavailable, "gone"});
    static_cast<void>(pass());
    mlflow_.answers.clear();
  }
  mlflow_.answers.clear();
  restart();
  passes();
  for (int i = 0; i < 5; ++i) {
    const auto id = "run-" + std::to_string(i);
    EXPECT_EQ(tag(id, "oppen.cost_microusd"), std::to_string(100 + i));
    EXPECT_THAT(points(id), SizeIs(1));
  }
  EXPECT_THAT(topic_.told("run.completed"), SizeIs(5));
}

TEST_F(CostWriterTest, ARunThatMlflowCannotTakeStopsNothingElse) {
  mlflow_.add("a", its_today_ms - 1000);
  mlflow_.add("b", its_today_ms - 900);
  costs_.costs["a"] = costs_.costs["b"] = {500};
  mlflow_.dies_in_log_batch = 1;
  EXPECT_TRUE(pass());
  EXPECT_THAT(topic_.told("run.completed"), SizeIs(2));
}

TEST_F(CostWriterTest, AConsoleThatIsAwayStopsNothingElse) {
  mlflow_.add("a", its_today_ms - 1000);
  mlflow_.add("b", its_today_ms - 900);
  costs_.costs["a"] = {500};
  costs_.away = Error{ErrorKind::unavailable, "no console"};
  passes();
  EXPECT_THAT(topic_.told("run.completed"), SizeIs(2));
  EXPECT_THAT(costs_.asked, SizeIs(1)) << "once a pass";
  EXPECT_FALSE(writer_->written());
  EXPECT_THAT(health_->readiness_json(), HasSubstr("no console"));
  costs_.away.reset();
  passes(15s);
  EXPECT_TRUE(health_->ready());
  EXPECT_EQ(tag("a", "oppen.cost_microusd"), "500");
}

TEST_F(CostWriterTest, ARunThatIsDeletedMeanwhileIsPassedOver) {
  for (const auto* const id : {"a", "b", "c"}) {
    mlflow_.add(id, its_today_ms - 1000);
    costs_.costs[id] = {500};
  }
  mlflow_.after_page = [this] { mlflow_.remove("b"); };
  passes();
  mlflow_.after_page = nullptr;
  passes(15s);
  EXPECT_EQ(tag("a", "oppen.cost_microusd"), "500");
  EXPECT_EQ(tag("c", "oppen.cost_microusd"), "500");
  EXPECT_NE(metrics_->render().find("oppen_mlflow_costs_refused_total 1\n"), std::string::npos);
}

TEST_F(CostWriterTest, WhatMlflowRefusesIsTriedAgainBySweepsAlone) {
  mlflow_.add("a", its_today_ms - 1000);
  costs_.costs["a"] = {500};
  const Error refused{ErrorKind::refused, "403: no right to"};
  // Of the experiments, two searches of a sweep and the write in each.
  mlflow_.answers = {std::nullopt, std::nullopt, std::nullopt, refused, std::nullopt, refused};
  passes();
  EXPECT_THAT(mlflow_.answers, IsEmpty());
  const auto tried = mlflow_.writes();
  EXPECT_EQ(tried, 2);
  passes(15s);
  EXPECT_EQ(mlflow_.writes(), tried);
  EXPECT_NE(metrics_->render().find("oppen_mlflow_costs_refused_total 1\n"), std::string::npos)
      << "told of once";
  passes(11min);
  EXPECT_EQ(tag("a", "oppen.cost_microusd"), "500");
}

TEST_F(CostWriterTest, AsksForAHundredAtOnce) {
  for (int i = 0; i < 230; ++i) mlflow_.add("run-" + std::to_string(i), its_today_ms - i);
  bridge_ = std::make_unique<Bridge>(mlflow_, topic_, writer_.get(), Mapping::usual(),
                                     BridgeOptions{{}, 1000, 168h, 600s}, *metrics_, *health_);
  passes();
  std::size_t all = 0;
  for (const auto& asked : costs_.asked) {
    EXPECT_LE(asked.size(), 100U);
    all += asked.size();
  }
  EXPECT_EQ(all, 2 * 230U) << "by their end, and by their start";
}

TEST(Outcome, OfARunThatWasStoppedEarly) {
  FakeMlflow mlflow;
  auto& run = mlflow.add("a", its_today_ms);
  const auto outcome = [&] { return Mapping::usual().outcome(*parse_run(run)); };
  EXPECT_EQ(outcome()->epochs, 10);
  set(run, "metrics", "epoch", 4);
  EXPECT_EQ(outcome()->epochs, 4);
  set(run, "params", "epochs", "many");
  EXPECT_EQ(outcome()->epochs, 4) << "what is malformed is not there";
}

TEST(Outcome, HowMuchBetterThanTheBaseline) {
  FakeMlflow mlflow;
  auto& run = mlflow.add("a", its_today_ms);
  const auto percent = [&](const char* baseline, const json& accuracy) {
    set(run, "tags", "baseline_metric", baseline);
    set(run, "metrics", "accuracy", accuracy);
    return Mapping::usual().outcome(*parse_run(run))->improvement_percent;
  };
  EXPECT_NEAR(*percent("0.8", 0.88), 10, 1e-9);
  EXPECT_NEAR(*percent("0.8", 0.6), -25, 1e-9);
  EXPECT_NEAR(*percent("-2", -1), 50, 1e-9);
  EXPECT_EQ(percent("0", 0.9), std::nullopt);
  EXPECT_EQ(percent("0.8", "NaN"), std::nullopt);
  EXPECT_EQ(percent("much", 0.9), std::nullopt);
}

}  // namespace
}  // namespace oppen::mlflow
