#include "workers/cost/report/forecast.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "workers/cost/report/history.hpp"
#include "workers/cost/report/start.hpp"

namespace oppen::cost {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr std::size_t enough_epochs = 3;

bool is_over(const RunRecord& run) {
  const auto state = parse_job_state(run.state);
  return state && is_terminal(*state);
}

Time after(Time time, double seconds) {
  constexpr double longest = 1e10;  // some 300 years
  return time + milliseconds(std::llround(std::min(seconds, longest) * 1000));
}

// From when on its time is not charged yet.
Time charged_until(const ForecastInput& input, Time now) {
  const Time start = *input.attempt_started_at;
  return std::clamp(input.run.charged_until.value_or(start), start, std::max(start, now));
}

pricing::Usage usage_of(const RunRecord& run) {
  return {run.resources, run.gpu_type, run.priority, run.spot};
}

// What is left where epochs without their seconds are told, by how old the present one may be: from new to done.
Interval left_where_alike(int done, int left, double elapsed) {
  return {elapsed / (done + 1) * (left - 1), elapsed / (done + 0.5) * (left - 0.5),
          elapsed / done * left};
}

// The same where some have told them: `age` at most.
Interval left_where_alike(double pace, int left, double age) {
  const double oldest = std::clamp(age, 0.0, pace);
  return {pace * left - oldest, pace * left - oldest / 2, pace * left};
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
  // Where cheap hours never come it is not known when it begins.
  if (!forecast.begun)
    forecast.start = earliest_start(input.window, rates.at(now), now).value_or(now);
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
    const auto spec = spec_of(run);
    const auto learned = learn(input.history, spec);
    const auto duration = duration_of(learned, spec, policy);
    forecast.history_runs = learned.runs;
    forecast.alike = learned.alike;
    if (any_progress) {
      forecast.basis = Basis::pace;
      const auto count = static_cast<double>(run.epoch_seconds.size());
      forecast.left_seconds =
          left_by_pace(count == 0 ? left_where_alike(run.epochs_done, left, elapsed)
                                  : left_where_alike(told / count, left, elapsed - told),
                       run.epochs_done, left, std::hypot(duration.spread, duration.doubt));
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
  const Time from = forecast.begun ? charged_until(input, now) : forecast.start;
  const Time begin = forecast.begun ? now : forecast.start;
  const auto total = [&](double seconds) {
    return spent + rates.price(usage_of(run), from, after(begin, seconds)).total;
  };
  forecast.total = {total(forecast.left_seconds.low), total(forecast.left_seconds.expected),
                    total(forecast.left_seconds.high)};
  return forecast;
}

MicroUsd left_until(const Forecast& forecast, const ForecastInput& input,
                    const pricing::RateHistory& rates, Time until) {
  if (is_over(forecast.run) || !forecast.begun) return {};
  const Time end = after(forecast.as_of, forecast.left_seconds.expected);
  return rates
      .price(usage_of(forecast.run), charged_until(input, forecast.as_of), std::min(end, until))
      .total;
}

std::optional<bool> was_covered(const RunRecord& run, std::span<const RunRecord> earlier,
                                const plan::Policy& policy) {
  if (run.state != "succeeded" || run.attempts > 1 || !(run.run_seconds > 0)) return std::nullopt;
  const auto spec = spec_of(run);
  const auto learned = learn(earlier, spec);
  if (learned.runs == 0) return std::nullopt;
  const auto told = left_by_duration(duration_of(learned, spec, policy), 0);
  return run.run_seconds >= told.low && run.run_seconds <= told.high;
}

Coverage coverage_of(const ForecastInput& input, const plan::Policy& policy) {
  Coverage coverage;
  const auto spec = spec_of(input.run);
  const std::span history(input.history);
  for (std::size_t i = 0; i < history.size(); ++i) {
    if (!on_as_many(history[i], spec)) continue;
    const auto held = was_covered(history[i], history.subspan(i + 1), policy);
    if (!held) continue;
    ++coverage.runs;
    coverage.held += *held ? 1 : 0;
  }
  return coverage;
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
  if (!forecast.alike) out["other_gpus"] = true;
  if (forecast.covered.runs > 0)
    out["covered"] = {{"runs", forecast.covered.runs}, {"held", forecast.covered.held}};
  if (!forecast.begun) out["start"] = to_rfc3339(forecast.start);
  out["left_seconds"] = {{"low", left.low}, {"expected", left.expected}, {"high", left.high}};
  if (forecast.begun) {
    out["end"] = {{"low", to_rfc3339(after(forecast.as_of, left.low))},
                  {"expected", to_rfc3339(after(forecast.as_of, left.expected))},
                  {"high", to_rfc3339(after(forecast.as_of, left.high))}};
  }
  return out;
}

}  // namespace oppen::cost
