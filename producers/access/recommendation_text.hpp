#pragma once
// What could be saved on a run, as a person reads it. Pure functions, any thread.
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace oppen::access {

// The console's answer to recommendations: each with its reasons, and its command on a line of its own.
std::string recommendations_text(const nlohmann::json& answer);

// "15 to 20 %, $0.0031 to $0.0041", of the data of a cost.recommendation.
std::string savings_text(const nlohmann::json& recommendation);

}  // namespace oppen::access
