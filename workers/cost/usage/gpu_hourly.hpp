#pragma once
// The price at which an attempt's GPU time is divided. Pure, any thread.
#include "workers/cost/pricing/pricing.hpp"

namespace oppen::cost {

// What one whole GPU costs it an hour at an instant, with all multipliers, in micro-dollars; for Usage::settle.
std::int64_t gpu_hourly(pricing::Usage usage, Time at, const pricing::CostModel& model);

}  // namespace oppen::cost
