#pragma once
// One job, or one batch, for a person to read. Pure functions, any thread.
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "schemas/time.hpp"

namespace oppen::access {

// The API's JobDetail; in its member "explain", where there is one, the API's Explanation of a job that is queued.
std::string describe_job(const nlohmann::json& job, Time now);
std::string describe_batch(const nlohmann::json& batch, Time now, int width);  // the API's Batch

}  // namespace oppen::access
