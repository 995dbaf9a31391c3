#pragma once
// When the cheap hours are: the off-peak window of a cost model, on the wall clock of its time
// zone. Any thread.
#include <chrono>
#include <string>

#include "schemas/time.hpp"
#include "workers/cost/pricing/pricing.hpp"

namespace oppen::pricing {

// Whether the machine's time zone database has this IANA zone. UTC and Etc/UTC are known without a
// database.
bool zone_exists(const std::string& name);

// Whether the zone's wall clock stands in the window at this instant. A window whose start is its
// end is empty; 00:00 to 24:00 is the whole day.
bool is_off_peak(Time at, const CostModel& model);

// How much of [start, end) is_off_peak is true for. An hour that the clocks repeat counts twice,
// one that they skip not at all, as the hours are lived.
std::chrono::milliseconds off_peak_within(Time start, Time end, const CostModel& model);

// The first instant after `after` and before `until` at which the window opens or closes or the zone's clocks change; else
// `until`. The model's window may be empty or the whole day: it has no edges then.
Time next_window_edge(Time after, Time until, const CostModel& model);

}  // namespace oppen::pricing
