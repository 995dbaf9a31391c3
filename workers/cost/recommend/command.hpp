#pragma once
// The `oppen submit` that runs it again with changes, to be pasted into a shell. Pure, any thread.
#include <nlohmann/json.hpp>
#include <string>

#include "workers/cost/books/records.hpp"

namespace oppen::cost {

// `changes` as of Advice. What the record does not know (image, command, environment) comes from the model catalogue.
// "" for a run from outside whose model type no job can have.
std::string submit_command(const RunRecord& run, const nlohmann::json& changes);

}  // namespace oppen::cost
