#pragma once
// What one recommender has to say. Plain value.
#include <nlohmann/json.hpp>
#include <string>

namespace oppen::cost {

enum class Confidence { low, medium, high };

struct Advice {
  std::string description;
  double low_percent = 0;  // of what the run has cost
  double high_percent = 0;
  Confidence confidence = Confidence::low;
  std::string because;  // why that confidence
  std::string risk;
  nlohmann::json evidence = nlohmann::json::object();
  // What the run would be submitted with instead, by the fields of a job spec, resources' too: "epochs", "gpu_share".
  // Empty: nothing of the spec; `command` says what to look at.
  nlohmann::json changes = nlohmann::json::object();
  std::string command;
};

}  // namespace oppen::cost
