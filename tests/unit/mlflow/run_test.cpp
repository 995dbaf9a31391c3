// Proves that runs are read as MLflow's servers write them, and that nothing in an answer is trusted.
#include "producers/mlflow/run.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace oppen::mlflow {
namespace {

using nlohmann::json;

TEST(ParseRun, AsAServerTellsIt) {
  // MLflow 3.17 answers so; the times are texts where a server writes 64-bit numbers as protobuf does.
  const auto run = parse_run(json::parse(R"({
    "info": {"run_uuid": "762a", "experiment_id": "0", "run_name": "welcoming-ram-705", "user_id": "", "status": "FINISHED",
             "start_time": 1790000000000, "end_time": "1790000600000", "lifecycle_stage": "active", "run_id": "762a"},
    "data": {"metrics": [{"key": "loss", "value": "NaN", "timestamp": 1790000001000, "step": 1},
                         {"key": "peak", "value": 1.7976931348623157e+308, "timestamp": 1790000001000, "step": 1},
                         {"key": "accuracy", "value": 0.5, "timestamp": 1790000002000, "step": 0}],
             "params": [{"key": "epochs", "value": "3"}],
             "tags": [{"key": "mlflow.runName", "value": "welcoming-ram-705"}]},
    "inputs": {}, "outputs": {}})"));
  ASSERT_TRUE(run);
  EXPECT_EQ(run->id, "762a");
  EXPECT_EQ(run->status, "FINISHED");
  EXPECT_EQ(run->start_time_ms, 1'790'000'000'000);
  EXPECT_EQ(run->end_time_ms, 1'790'000'600'000);
  EXPECT_EQ(run->params.at("epochs"), "3");
  EXPECT_EQ(run->tags.at("mlflow.runName"), "welcoming-ram-705");
  EXPECT_TRUE(std::isnan(run->metrics.at("loss").value));
  EXPECT_TRUE(std::isinf(run->metrics.at("peak").value));
  EXPECT_EQ(run->metrics.at("accuracy").value, 0.5);
  EXPECT_EQ(run->metrics.at("accuracy").timestamp_ms, 1'790'000'002'000);
}

TEST(ParseRun, WhatIsNoRun) {
  for (const auto* text :
       {"null", "[]", "3", "{}", R"({"info":[]})", R"({"info":{"run_id":7,"status":"FINISHED"}})",
        R"({"info":{"run_id":"a"}})", R"({"info":{"status":"FINISHED"}})"}) {
    EXPECT_FALSE(parse_run(json::parse(text))) << text;
  }
}

TEST(ParseRun, WhatIsNotAsItShouldBeIsAbsent) {
  const auto run = parse_run(json::parse(R"({
    "info": {"run_id": "a", "status": "FINISHED", "start_time": "soon", "end_time": 1e300},
    "data": {"metrics": "many", "params": [7, {"key": "epochs", "value": 3}], "tags": [{"value": "x"}, null]}})"));
  ASSERT_TRUE(run);
  EXPECT_EQ(run->start_time_ms, 0);
  EXPECT_EQ(run->end_time_ms, 0);
  EXPECT_EQ(run->params.at("epochs"), "");
  EXPECT_TRUE(run->metrics.empty() && run->tags.empty());
}

}  // namespace
}  // namespace oppen::mlflow
