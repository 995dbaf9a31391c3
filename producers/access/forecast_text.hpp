#pragma once
// What the scheduler foresees, as a person reads it. Pure functions, any thread.
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

namespace oppen::access {

using LabelledTexts = std::vector<std::pair<std::string, std::string>>;

// Of the console's answer to explain for a job that is queued: why it waits, and when it will probably start and end.
LabelledTexts outlook_of(const nlohmann::json& explanation);

// That nothing newer was to be had for the answer, and why; "" where it is of now.
std::string outdated_text(const nlohmann::json& answer);

// The console's answer to explain: why the job waits, or what has become of it; then its place, times and cost.
std::string explanation_text(const nlohmann::json& explanation);

// The console's answer to simulate: the whole in two lines, then the first `limit` jobs.
std::string simulation_text(const nlohmann::json& simulation, int limit, int width);

}  // namespace oppen::access
