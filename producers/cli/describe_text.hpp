#pragma once
// One job, or one batch, for a person to read. Pure functions, any thread.
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "schemas/time.hpp"

namespace oppen::cli {

std::string describe_job(const nlohmann::json& job, Time now);  // the API's JobDetail
std::string describe_batch(const nlohmann::json& batch, Time now, int width);  // the API's Batch

}  // namespace oppen::cli
