#pragma once
// What a run has cost and was worth, as it is written to MLflow. Pure functions, any thread.
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "producers/mlflow/mapping.hpp"
#include "producers/mlflow/run.hpp"
#include "schemas/units.hpp"

namespace oppen::mlflow {

// Exact, and the sign that the metrics have been written too: MLflow writes tags after metrics.
inline constexpr auto cost_tag = "oppen.cost_microusd";

// The request "runs/log-batch" that writes to the run what it has cost, what an epoch has, and its return on investment: the percent by
// which its metric is better than its baseline, divided by the dollars that it cost. nullopt: it says so already.
//
// The first value of a metric is dated by the end of the run, each other one a millisecond after the last one, since MLflow takes the
// latest for the value. So the same value, written again, makes no second point of the metric's history.
std::optional<nlohmann::json> to_write(const Run& run, const Outcome& outcome, MicroUsd cost);

}  // namespace oppen::mlflow
