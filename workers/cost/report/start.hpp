#pragma once
// When a job that has not begun may begin. Pure; any thread.
#include <string_view>

#include "schemas/error.hpp"
#include "schemas/time.hpp"
#include "workers/cost/pricing/pricing.hpp"

namespace oppen::cost {

// Now, or with the window "off_peak" when the cheap hours begin. Invalid: they never come.
Result<Time> earliest_start(std::string_view window, const pricing::CostModel& model, Time now);

}  // namespace oppen::cost
