#pragma once
// What a rule sees about one thing at a moment of event time. A rule reports each thing that it judges whenever it looks, also that
// nothing is wrong with it; an episode (alert) is made of what holds for long enough.
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "schemas/alerts.hpp"

namespace oppen::anomaly {

// What would put it right; becomes a proposal.created that a person approves.
struct Remedy {
  std::string summary;
  MicroUsd predicted_savings;  // over the next day
  nlohmann::json changes =
      nlohmann::json::object();  // as of proposal.created: what `oppen approve` carries out
  nlohmann::json evidence = nlohmann::json::object();
  int limit = 0;  // of parallel jobs
};

struct Finding {
  std::string kind;  // of Alert
  std::map<std::string, std::string>
      labels;            // what it is about; stable, with `kind` they are the fingerprint
  bool holds = true;     // false: it is well again, beyond the hysteresis of its rule
  std::string severity;  // of Alert
  double badness =
      0;  // compared with the same episode's before: only what is clearly worse is told again
  std::string summary;
  std::optional<double> expected;
  std::optional<double> actual;
  std::optional<double> change_percent;
  std::optional<MicroUsd> impact;
  std::vector<Alert::Cause> causes;
  std::optional<Remedy> remedy;
};

}  // namespace oppen::anomaly
