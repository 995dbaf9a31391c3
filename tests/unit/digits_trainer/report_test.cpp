// Proves that the metrics are one JSON object and fit a termination log, however long the run.
#include "deploy/images/digits-trainer/report.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace oppen::digits_trainer {
namespace {

TEST(Report, SaysWhatTheLastEpochReached) {
  Outcome outcome;
  outcome.epochs = {{1.5, 0.5, 0.25}, {0.5, 0.75, 0.75}};
  outcome.samples = 2000;
  outcome.seconds = 1.0;
  EXPECT_EQ(nlohmann::json::parse(metrics_json(outcome)),
            nlohmann::json::parse(R"({"accuracy":0.75,"loss":0.5,"epochs":2,
                                      "epoch_seconds":[0.25,0.75],"samples_per_second":2000})"));
}

TEST(Report, SaysHowRequestsWereAnsweredAndWhatWasUsed) {
  Outcome outcome;
  outcome.served = {3, 2.0, {0.001, 0.002, 0.003, 0.25}};
  outcome.cpu_seconds = 1.5;
  outcome.memory_peak_mb = 4.25;
  EXPECT_EQ(nlohmann::json::parse(metrics_json(outcome)),
            nlohmann::json::parse(R"({"epochs":0,"epoch_seconds":[],"requests":4,
                                      "answered_rightly":0.75,"inferences_per_second":2,
                                      "latency_p50_ms":2,"latency_p99_ms":250,
                                      "cpu_seconds":1.5,"memory_peak_mb":4.25})"));
}

TEST(Report, NothingReachedIsStillAnObject) {
  EXPECT_EQ(nlohmann::json::parse(metrics_json(Outcome{})),
            nlohmann::json::parse(R"({"epochs":0,"epoch_seconds":[]})"));
}

TEST(Report, LongRunsFitTheTerminationLog) {
  Outcome outcome;
  outcome.epochs.assign(100'000, {1.2345678e-12, 0.98765432, 1.2345678e-5});
  outcome.samples = 123'456'789;
  outcome.seconds = 1.2345678e-7;
  outcome.served = {123'456'789, 1.2345678e-7, std::vector<double>(100, 1.2345678e-7)};
  outcome.cpu_seconds = outcome.memory_peak_mb = 1.2345678e-7;
  const std::string json = metrics_json(outcome);
  EXPECT_LE(json.size(), termination_log_limit);
  EXPECT_EQ(nlohmann::json::parse(json).at("epochs"), 100'000);
}

}  // namespace
}  // namespace oppen::digits_trainer
