#pragma once
// Jobs of the console's lists as a table. Pure functions, any thread.
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "schemas/time.hpp"

namespace oppen::access {

// `jobs`: an array of the API's Job. `width` as in render.hpp.
std::string job_table(const nlohmann::json& jobs, Time now, int width);

// The queue in order: place, job, model, priority, epochs, estimates.
std::string queue_table(const nlohmann::json& jobs, int width);

}  // namespace oppen::access
