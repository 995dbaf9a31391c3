#include "scheduler/plan/window.hpp"

#include "workers/cost/pricing/off_peak.hpp"

namespace oppen::plan {
namespace {

using std::chrono::milliseconds;

// A window that is open on any day is open within these, also across a night whose hour is skipped.
constexpr std::chrono::hours longest_wait{72};

// The last instant from `from` to `end` up to which `unchanged` holds, which holds at `from` and, once it
// fails, fails ever after.
template <class Predicate>
Time until(Time from, Time end, Predicate unchanged) {
  if (unchanged(end)) return end;
  while (end - from > milliseconds(1)) {
    const Time middle = from + (end - from) / 2;
    (unchanged(middle) ? from : end) = middle;
  }
  return from;
}

}  // namespace

std::optional<Time> next_open(Time now, const pricing::CostModel& model) {
  const Time end = now + longest_wait;
  const Time opens =
      until(now, end, [&](Time t) { return pricing::off_peak_within(now, t, model).count() == 0; });
  return opens == end ? std::nullopt : std::optional(opens);
}

std::vector<Window> windows(Time now, int days, const pricing::CostModel& model) {
  std::vector<Window> all;
  const Time end = now + std::chrono::days(days);
  for (auto opens = next_open(now, model); opens && *opens < end;) {
    const Time closes = until(*opens, end, [&](Time t) {
      return pricing::off_peak_within(*opens, t, model) == t - *opens;
    });
    all.push_back({*opens, closes});
    opens = next_open(closes, model);
  }
  return all;
}

}  // namespace oppen::plan
