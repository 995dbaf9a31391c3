#pragma once
// When the off-peak window opens and closes next. It is the cost model's own, on the wall clock of its
// time zone, changes of the clock included: there is no second one. Any thread.
#include <optional>
#include <vector>

#include "schemas/time.hpp"
#include "workers/cost/pricing/pricing.hpp"

namespace oppen::plan {

struct Window {
  Time opens{};
  Time closes{};  // exclusive
  bool operator==(const Window&) const = default;
};

// The first instant from `now` on, `now` included, at which it is open. nullopt: it never is (its start
// is its end).
std::optional<Time> next_open(Time now, const pricing::CostModel& model);

// Each time that it is open from `now` on, within `days`; the first may have opened long ago, and then
// begins at `now`, and the last is cut at the end of the days.
std::vector<Window> windows(Time now, int days, const pricing::CostModel& model);

}  // namespace oppen::plan
