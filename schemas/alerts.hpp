#pragma once
// What is not as it should be, on the topic `alerts`. Plain values.
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/time.hpp"
#include "schemas/units.hpp"

namespace oppen {

struct Alert {
  static constexpr std::string_view type = "dev.oppen.alert.v1";
  std::string alert_id;     // of this event
  std::string fingerprint;  // of the episode: the same while it fires, is updated and is resolved
  // cost_spike | budget_threshold | budget_exceeded | gpu_underutilized | gpu_saturated | gpu_hot |
  // gpu_fault | gpu_idle_held | wasteful_pod | queue_stalled | failure_burst | worker_lagging;
  // readers accept kinds to come.
  std::string kind;
  std::string severity;  // info | warning | critical
  std::string state;     // firing | updated | resolved
  Time started_at{};
  std::optional<Time> ended_at;
  std::string summary;
  std::optional<double> expected;
  std::optional<double> actual;
  std::optional<double> change_percent;
  std::optional<MicroUsd> impact;  // JSON impact_microusd
  struct Cause {
    std::string dimension;
    std::string value;
    double share =
        0;  // of the change, 0 to 1; may lie outside where causes work against each other
    std::string explanation;
  };
  std::vector<Cause> causes;
  std::string proposal_id;  // "" (absent): nothing is proposed
  std::map<std::string, std::string> labels;
};

}  // namespace oppen
