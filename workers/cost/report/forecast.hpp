#pragma once
// What a job will have cost when it ends, and when that is, as an interval of 95 %. Pure; any thread.
//
// How much is left, by the first of these that can be said:
//   progress  three epochs or more of the present attempt have told their seconds: from these alone (left_by_epochs)
//   pace      some epochs are done: their pace (left_by_pace)
//   history   the finished runs of the model type: their durations, of those that last longer than this one has (left_by_duration)
//   catalogue the same with nothing but the model catalogue's seconds per epoch to go by
// What is left is priced by the rates in force now, edges of the off-peak window included, and added to what has been charged. An
// attempt that fails and is tried again is not foreseen. Of a run that is over it is what has been charged: `ended` when that is all,
// else `charging`.
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "scheduler/plan/policy.hpp"
#include "workers/cost/books/records.hpp"
#include "workers/cost/pricing/rate_history.hpp"
#include "workers/cost/report/intervals.hpp"

namespace oppen::cost {

struct ForecastInput {
  RunRecord run;
  std::string window;  // of one that waits: "off_peak": it begins in the cheap hours
  std::optional<Time> attempt_started_at;     // of the present attempt; none: it has not begun
  std::optional<std::int64_t> limit_seconds;  // after which an attempt is ended
  bool charged = true;                        // of a job that is over: up to its end
  std::vector<RunRecord> history;             // of its model type, the latest first
};

// Of so many finished runs, each forecast at its start from those before it, so many ended within the interval.
struct Coverage {
  int runs = 0;
  int held = 0;
};

enum class Basis { ended, progress, pace, history, catalogue, charging };
std::string_view to_string(Basis basis);

struct Forecast {
  RunRecord run;
  Time as_of{};
  Basis basis = Basis::ended;
  bool begun = true;      // false: it waits; all is as if it began at `start`
  Time start{};           // of one that waits: now, or when the cheap hours begin
  int history_runs = 0;   // that the estimate is from, of Basis::pace and history
  bool alike = true;      // false: these held other numbers of GPUs
  Coverage covered;       // of Basis::history, where it was asked for
  Interval left_seconds;  // all 0 once ended
  struct Total {
    MicroUsd low;
    MicroUsd expected;
    MicroUsd high;
  } total;
};

// `rates` are to hold from now on.
Forecast make_forecast(const ForecastInput& input, const plan::Policy& policy,
                       const pricing::RateHistory& rates, Time now);

// What it will cost from what has been charged on, until it is expected to end or until `until`.
MicroUsd left_until(const Forecast& forecast, const ForecastInput& input,
                    const pricing::RateHistory& rates, Time until);

// Whether a run that succeeded took as long as it would have been forecast at its start from `earlier` (the latest first). nullopt: it would
// not have been forecast from them.
std::optional<bool> was_covered(const RunRecord& run, std::span<const RunRecord> earlier,
                                const plan::Policy& policy);

// How often that was so of the finished runs of its history that did the same kind of work on as many GPUs.
Coverage coverage_of(const ForecastInput& input, const plan::Policy& policy);

nlohmann::json to_json(const Forecast& forecast);

}  // namespace oppen::cost
