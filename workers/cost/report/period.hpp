#pragma once
// What a month or a quarter will have cost at its end, as an interval of 80 %. Pure; any thread.
//
// What has been charged, and for the rest the mean of two: what whole days say (daily.hpp), which knows nothing of what was begun a moment
// ago, and what runs say: what those at work are forecast to cost until the period's end, and as much again as those that began as long
// ago as the end is away have cost until now. Where one is not known it is the other. The books hold amounts by day, not by hour: the
// rest of today is that part of a day's cost that even work has at the rates in force, cheap hours included. Otherwise rates that
// change are looked at for runs at work alone.
//
// The interval is the days' (doubt_of), put around the whole rest. `bench/run forecast` measures on a real trace how often it holds.
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/units.hpp"
#include "workers/cost/pricing/rate_history.hpp"
#include "workers/cost/report/range.hpp"
#include "workers/cost/report/report.hpp"

namespace oppen::cost {

inline constexpr int period_interval_percent = 80;

// The month ("month") or quarter of `now`.
DayRange period_of(std::string_view name, Time now);
// The first day that its forecast looks at.
std::chrono::sys_days period_needs_from(const DayRange& period, Time now);

struct RunsAhead {
  int at_work = 0;
  MicroUsd left;   // of those at work, until the period's end
  MicroUsd begun;  // what those have cost that began as long ago as the end is away, or later
};

struct PeriodInput {
  std::string name;  // month | quarter
  DayRange period;
  ReportFilter filter;
  std::vector<DayRow> days;  // from period_needs_from to today; what the filter lets out is skipped
  std::optional<RunsAhead> runs;  // none: there are too many of them
};

struct PeriodForecast {
  std::string name;
  DayRange period;
  ReportFilter filter;
  Time as_of{};
  int days_known = 0;  // whole ones, from the first on that cost anything
  std::optional<RunsAhead> runs;
  MicroUsd spent;
  MicroUsd expected;
  struct Bounds {
    MicroUsd low;
    MicroUsd high;
  };
  std::optional<Bounds> bounds;  // none: too few days are known
};

PeriodForecast forecast_period(const PeriodInput& input, const pricing::RateHistory& rates,
                               Time now);

nlohmann::json to_json(const PeriodForecast& forecast);

}  // namespace oppen::cost
