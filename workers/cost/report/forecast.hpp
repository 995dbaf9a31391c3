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
  std::optional<Time> attempt_started_at;     // of the present attempt; none: it has not begun
  std::optional<std::int64_t> limit_seconds;  // after which an attempt is ended
  bool charged = true;                        // of a job that is over: up to its end
  std::vector<RunRecord> history;             // of its model type, the latest first
};

enum class Basis { ended, progress, pace, history, catalogue, charging };
std::string_view to_string(Basis basis);

struct Forecast {
  RunRecord run;
  Time as_of{};
  Basis basis = Basis::ended;
  bool begun = true;      // false: it waits; the times are as if it began now
  int history_runs = 0;   // that the estimate is from, of Basis::pace and history
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

nlohmann::json to_json(const Forecast& forecast);

}  // namespace oppen::cost
