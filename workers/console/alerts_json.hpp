#pragma once
// The answer to `alerts`: what fires, what may, what is over, and what people have said of it. Pure.
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "schemas/time.hpp"
#include "workers/anomaly/episodes/view.hpp"

namespace oppen::console {

// `state`: "all", or that of which alerts are told. Those that fire come first, the gravest of them before others; what is over ends the list,
// the latest first.
nlohmann::json alerts_json(const anomaly::AlertsView& view, const std::string& state, Time now);

}  // namespace oppen::console
