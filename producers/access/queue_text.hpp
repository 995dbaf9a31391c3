#pragma once
// The queue at a glance, as a person reads it. Pure functions, any thread.
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace oppen::access {

// The console's answer to `queue`: its figures, and the jobs that it lists. `width` as in render.hpp.
std::string queue_text(const nlohmann::json& queue, int width);

}  // namespace oppen::access
