#include "workers/cost/pricing/off_peak.hpp"

#include <date/tz.h>

#include <algorithm>
#include <optional>
#include <stdexcept>

namespace oppen::pricing {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;

constexpr milliseconds day = std::chrono::hours(24);

// The zone, nullptr for UTC, or nullopt when there is no such zone. The library reads the system's
// compiled database, one file per zone that is used (some 100 kB of memory in all). It knows the
// changes that the files list: distributions that compile them "fat", as Debian does, list them up
// to 2037.
std::optional<const date::time_zone*> find_zone(const std::string& name) {
  if (name == "UTC" || name == "Etc/UTC") return nullptr;
  try {
    const date::time_zone* zone = date::locate_zone(name);
    zone->get_info(std::chrono::sys_seconds{});  // loads the zone's file: a damaged one shows here
    return zone;
  } catch (const std::runtime_error&) {
    return std::nullopt;
  }
}

// A model that parse_cost_model has not seen could name an unknown zone: it is priced by UTC.
const date::time_zone* zone_of(const CostModel& model) {
  thread_local std::string name = "UTC";
  thread_local const date::time_zone* zone = nullptr;
  if (name != model.time_zone) {
    zone = find_zone(model.time_zone).value_or(nullptr);
    name = model.time_zone;
  }
  return zone;
}

// From an instant on, the wall clock is UTC plus `offset` until `until`.
struct Span {
  milliseconds offset{};
  Time until = Time::max();
};

Span span_at(const date::time_zone* zone, Time at) {
  if (zone == nullptr) return {};
  const date::sys_info info = zone->get_info(std::chrono::floor<std::chrono::seconds>(at));
  return {info.offset, info.end};
}

// How much of the window lies between wall clock zero and `local`, on a clock that never changes.
milliseconds window_until(milliseconds local, const CostModel& model) {
  const milliseconds start = minutes(model.off_peak_start_minute);
  const milliseconds end = minutes(model.off_peak_end_minute);
  const auto days = std::chrono::floor<std::chrono::days>(local);
  const milliseconds of_day = local - days;
  if (start <= end) {
    return days.count() * (end - start) + std::clamp(of_day - start, milliseconds(0), end - start);
  }
  return days.count() * (day - start + end) + std::min(of_day, end) +
         std::max(of_day - start, milliseconds(0));
}

}  // namespace

bool zone_exists(const std::string& name) { return find_zone(name).has_value(); }

bool is_off_peak(Time at, const CostModel& model) {
  return off_peak_within(at, at + milliseconds(1), model).count() > 0;
}

milliseconds off_peak_within(Time start, Time end, const CostModel& model) {
  const date::time_zone* zone = zone_of(model);
  milliseconds sum{};
  while (start < end) {
    const Span span = span_at(zone, start);
    const Time until = std::min(end, span.until);
    sum += window_until(until.time_since_epoch() + span.offset, model) -
           window_until(start.time_since_epoch() + span.offset, model);
    start = until;
  }
  return sum;
}

Time next_window_edge(Time after, Time until, const CostModel& model) {
  const minutes start(model.off_peak_start_minute);
  const minutes end(model.off_peak_end_minute);
  if (after >= until || start == end || end - start == day) return until;
  const Span span = span_at(zone_of(model), after);
  Time edge = std::min(until, span.until);
  const auto today = std::chrono::floor<std::chrono::days>(after.time_since_epoch() + span.offset);
  for (const auto date : {today, today + std::chrono::days(1)}) {
    for (const auto minute : {start, end}) {
      const Time candidate(date + minute - span.offset);
      if (candidate > after) edge = std::min(edge, candidate);
    }
  }
  return edge;
}

}  // namespace oppen::pricing
