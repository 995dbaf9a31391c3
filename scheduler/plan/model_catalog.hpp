#pragma once
// The model catalogue's entries, from the JSON of the key `model_catalog`. Internal to this folder.
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "scheduler/plan/policy.hpp"
#include "schemas/error.hpp"

namespace oppen::plan {

// The entry of `model_type`, as far as it is sound. What is wrong with it goes to `faults`, each
// with its path, such as model_catalog.mnist.resources.cpu.
ModelEntry parse_model_entry(const std::string& model_type, const nlohmann::json& value,
                             FieldErrors& faults);

}  // namespace oppen::plan
