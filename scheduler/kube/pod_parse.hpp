#pragma once
// What matters of a pod, from its JSON. Pure, any thread.
#include <nlohmann/json_fwd.hpp>

#include "scheduler/kube/kube_api.hpp"

namespace oppen::kube {

// Never fails: what is absent or malformed stays at its default.
Pod parse_pod(const nlohmann::json& object);

// GPUs, CPU and memory of a ResourceList ({"cpu": "500m", ...}); pods stays 0. A quantity that
// can't be read counts as 0.
Amounts parse_amounts(const nlohmann::json& resource_list);

}  // namespace oppen::kube
