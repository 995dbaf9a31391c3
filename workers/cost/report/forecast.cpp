#include "workers/cost/report/forecast.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "workers/cost/report/history.hpp"

namespace oppen::cost {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr std::size_t enough_epochs = 3;
constexpr std::chrono::seconds charging_grid{30};  // of cost.accrued

bool is_over(const RunRecord& run) {
  const auto state = parse_job_state(run.state);
  return state && is_terminal(*state);
}

Time after(Time time, double seconds) {
  constexpr double longest = 1e10;  // some 300 years
  return time + milliseconds(std::llround(std::min(seconds, longest) * 1000));
}

// Up to when the attempt has been charged.
Time charged_until(const ForecastInput& input, Time now) {
  if (!input.attempt_started_at) return now;
  const Time start = *input.attempt_started_at;
  if (input.run.attempts <= 1)
    return std::clamp(start + milliseconds(input.run.spent.run_ms), start, std::max(start, now));
  // Of several attempts it isn't told which was charged what: all that the grid has closed is taken as charged.
  return std::max(start, Time(now - now.time_since_epoch() % charging_grid));
}

}  // namespace

std::string_view to_string(Basis basis) {
  constexpr std::string_view names[] = {"ended",   "progress",  "pace",
                                        "history", "catalogue", "charging"};
  return names[static_cast<std::size_t>(basis)];
}

Forecast make_forecast(const ForecastInput& input, const plan::Policy& policy,
                       const pricing::RateHistory& rates, Time now) {
  Forecast forecast;
  const RunRecord& run = forecast.run = input.run;
  forecast.as_of = now;
  const MicroUsd spent{run.spent.total_microusd};
  if (is_over(run)) {
    if (!input.charged) forecast.basis = Basis::charging;
    forecast.total = {spent, spent, spent};
    return forecast;
  }
  forecast.begun = input.attempt_started_at.has_value();
  const double elapsed =
      forecast.begun ? std::max(0.0, Seconds(now - *input.attempt_started_at).count()) : 0;
  const int left = std::max(0, run.epochs - run.epochs_done);
  const auto told = std::accumulate(run.epoch_seconds.begin(), run.epoch_seconds.end(), 0.0);
  const bool any_progress = forecast.begun && run.epochs > 0 && run.epochs_done > 0;
  if (any_progress && (left == 0 || run.epoch_seconds.size() >= enough_epochs)) {
    forecast.basis = Basis::progress;
    // Where older epochs are not kept, the present one may be of any age.
    const bool all_told = run.epoch_seconds.size() == static_cast<std::size_t>(run.epochs_done);
    if (left > 0)
      forecast.left_seconds =
          left_by_epochs(run.epoch_seconds, left, all_told ? elapsed - told : elapsed);
  } else {
    const auto learned = learn(input.history);
    auto spec = spec_of(run);
    spec.max_runtime_seconds = input.limit_seconds;
    const auto duration = duration_of(learned, spec, policy);
    forecast.history_runs = learned.runs;
    if (any_progress) {
      forecast.basis = Basis::pace;
      // On average the present epoch is half done.
      const double pace = run.epoch_seconds.empty()
                              ? elapsed / (run.epochs_done + 0.5)
                              : told / static_cast<double>(run.epoch_seconds.size());
      forecast.left_seconds =
          left_by_pace(pace, run.epochs_done, left, std::hypot(duration.spread, duration.doubt));
    } else {
      forecast.basis = learned.runs > 0 ? Basis::history : Basis::catalogue;
      forecast.left_seconds = left_by_duration(duration, elapsed);
    }
  }
  if (input.limit_seconds) {
    const double most = std::max(0.0, static_cast<double>(*input.limit_seconds) - elapsed);
    auto& [low, expected, high] = forecast.left_seconds;
    for (double* const bound : {&low, &expected, &high}) *bound = std::min(*bound, most);
  }
  const pricing::Usage usage{run.resources, run.gpu_type, run.priority, run.spot};
  const Time from = charged_until(input, now);
  const auto total = [&](double seconds) {
    return spent + rates.price(usage, from, after(now, seconds)).total;
  };
  forecast.total = {total(forecast.left_seconds.low), total(forecast.left_seconds.expected),
                    total(forecast.left_seconds.high)};
  return forecast;
}

json to_json(const Forecast& forecast) {
  const RunRecord& run = forecast.run;
  json out = {{"state", run.state},
              {"model_type", run.model_type},
              {"as_of", to_rfc3339(forecast.as_of)},
              {"basis", to_string(forecast.basis)},
              {"begun", forecast.begun},
              {"spent_microusd", run.spent.total_microusd},
              {"total_microusd",
               {{"low", forecast.total.low.value},
                {"expected", forecast.total.expected.value},
                {"high", forecast.total.high.value}}}};
  const auto put = [&out](const char* name, const std::string& text) {
    if (!text.empty()) out[name] = text;
  };
  put("job_id", run.job_id);
  put("run_id", run.run_id);
  put("name", run.name);
  if (run.epochs > 0) out["epochs"] = run.epochs;
  if (run.epochs_done > 0) out["epochs_done"] = run.epochs_done;
  if (run.started_at) out["started_at"] = to_rfc3339(*run.started_at);
  if (run.ended_at) out["ended_at"] = to_rfc3339(*run.ended_at);
  if (is_over(run)) return out;
  const auto& left = forecast.left_seconds;
  out["interval_percent"] = interval_percent;
  out["history_runs"] = forecast.history_runs;
  out["left_seconds"] = {{"low", left.low}, {"expected", left.expected}, {"high", left.high}};
  if (forecast.begun) {
    out["end"] = {{"low", to_rfc3339(after(forecast.as_of, left.low))},
                  {"expected", to_rfc3339(after(forecast.as_of, left.expected))},
                  {"high", to_rfc3339(after(forecast.as_of, left.high))}};
  }
  return out;
}

}  // namespace oppen::cost
