#pragma once
// What could be saved, on the topic `recommendations`. Plain values.
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "schemas/units.hpp"

namespace oppen {

struct CostRecommendation {
  static constexpr std::string_view type = "dev.oppen.cost.recommendation.v1";
  std::string recommendation_id;
  std::string job_id;  // at least one of job_id and run_id is not empty
  std::string run_id;
  std::string team;     // "" where the run names none
  std::string project;  // likewise
  // batch_size | training_efficiency | off_peak | spot | early_stopping | gpu_type | quantization |
  // gpu_sharing | right_size
  std::string strategy;
  std::string description;
  struct Percent {  // JSON savings_percent {low, high}
    double low = 0;
    double high = 0;
  } savings_percent;
  struct Amount {  // JSON savings_microusd {low, high}
    MicroUsd low;
    MicroUsd high;
  } savings;
  std::string confidence;  // high | medium | low
  std::string risk;
  nlohmann::json evidence = nlohmann::json::object();
  struct Action {
    std::string command;  // to be pasted into a shell
    nlohmann::json changes = nlohmann::json::object();
  } action;
};

}  // namespace oppen
