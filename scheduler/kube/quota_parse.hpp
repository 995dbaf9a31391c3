#pragma once
// ResourceQuotas, LimitRanges and nodes, from their JSON. Pure, any thread.
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "scheduler/kube/kube_api.hpp"

namespace oppen::kube {

struct ParsedQuota {
  // Absent: its scopes can't be reckoned with here. The API server still enforces it.
  std::optional<Quota> quota;
  // What was left out of account and why, as sentences for the log.
  std::vector<std::string> ignored;
};
ParsedQuota parse_quota(const nlohmann::json& object);

// The largest pod that one LimitRange admits (its types Pod and Container).
PodLimits parse_limit_range(const nlohmann::json& object);

// The smaller of each.
PodLimits tightest(const PodLimits& a, const PodLimits& b);

Node parse_node(const nlohmann::json& object);

}  // namespace oppen::kube
