#include "workers/cost/report/period.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "workers/cost/report/daily.hpp"

namespace oppen::cost {
namespace {

using nlohmann::json;
using std::chrono::days;
using std::chrono::sys_days;

sys_days day_of(Time time) { return std::chrono::floor<days>(time); }

double in_days(Time::duration duration) {
  return std::chrono::duration<double, days::period>(duration).count();
}

// Of a day's cost, where work is even, what falls after `now`.
double left_of_day(const pricing::RateHistory& rates, Time now) {
  const Time begin = day_of(now);
  const Time end = begin + days{1};
  const pricing::Usage even{};  // a GPU
  const auto whole = static_cast<double>(rates.price(even, begin, end).total.value);
  if (!(whole > 0)) return in_days(end - now);
  return static_cast<double>(rates.price(even, now, end).total.value) / whole;
}

// Far above any budget, and far below what an integer holds.
constexpr double most_microusd = 1e18;

MicroUsd rounded(double microusd) {
  return {std::llround(std::clamp(microusd, -most_microusd, most_microusd))};
}

// Cost by day from the first on that there is anything of; the last one is today, so far.
std::vector<double> by_day(const PeriodInput& input, sys_days today) {
  std::vector<double> costs;
  sys_days first = today + days{1};
  for (const DayRow& row : input.days) {
    if (input.filter.matches(row.key)) first = std::min(first, row.key.day);
  }
  if (first > today) return {0};
  costs.resize(static_cast<std::size_t>((today - first).count()) + 1);
  for (const DayRow& row : input.days) {
    if (!input.filter.matches(row.key) || row.key.day > today) continue;
    costs[static_cast<std::size_t>((row.key.day - first).count())] +=
        static_cast<double>(row.spent.total_microusd);
  }
  return costs;
}

}  // namespace

DayRange period_of(std::string_view name, Time now) {
  const std::chrono::year_month_day date{day_of(now)};
  const bool quarter = name == "quarter";
  const auto month =
      quarter ? (static_cast<unsigned>(date.month()) - 1) / 3 * 3 + 1 : unsigned(date.month());
  const auto first = date.year() / std::chrono::month{month};
  return {sys_days(first / 1), sys_days((first + std::chrono::months{quarter ? 3 : 1}) / 1)};
}

sys_days period_needs_from(const DayRange& period, Time now) {
  // As much as can judge so long a forecast: 28 + h midnights, before them two weeks for the first, after them h days.
  const auto today = day_of(now);
  return std::min(period.from, today - days{28 + 14} - 2 * (period.to - today));
}

PeriodForecast forecast_period(const PeriodInput& input, const pricing::RateHistory& rates,
                               Time now) {
  PeriodForecast forecast;
  forecast.name = input.name;
  forecast.period = input.period;
  forecast.filter = input.filter;
  forecast.as_of = now;
  forecast.runs = input.runs;
  for (const DayRow& row : input.days) {
    if (row.key.day >= input.period.from && input.filter.matches(row.key))
      forecast.spent.value += row.spent.total_microusd;
  }
  const auto costs = by_day(input, day_of(now));
  const auto whole = std::span(costs).first(costs.size() - 1);
  forecast.days_known = static_cast<int>(whole.size());
  const double left_today = left_of_day(rates, now);
  const double of_today = 1 - left_today;
  const double horizon = left_today + in_days(input.period.to - day_of(now)) - 1;

  double rest = 0;
  int known = 0;
  if (!whole.empty()) {
    rest += next_days(whole, costs.back() + left_today * whole.back(), horizon);
    ++known;
  }
  if (input.runs) {
    rest += static_cast<double>((input.runs->left + input.runs->begun).value);
    ++known;
  }
  if (known > 0) rest /= known;
  // On the first day of all, with too many runs to look at.
  if (known == 0 && of_today > 0) rest = costs.back() / of_today * horizon;
  forecast.expected = forecast.spent + rounded(rest);
  if (const auto doubt = doubt_of(whole, horizon, period_interval_percent)) {
    const double around = std::max(0.0, rest + doubt->floor);
    forecast.bounds = {
        forecast.spent + rounded(std::max(0.0, around / doubt->factor - doubt->floor)),
        forecast.spent + rounded(around * doubt->factor - doubt->floor)};
  }
  return forecast;
}

json to_json(const PeriodForecast& forecast) {
  json out = {{"period", forecast.name},
              {"from", to_text(forecast.period.from)},
              {"to", to_text(forecast.period.to - days{1})},
              {"as_of", to_rfc3339(forecast.as_of)},
              {"days_known", forecast.days_known},
              {"spent_microusd", forecast.spent.value},
              {"total_microusd", {{"expected", forecast.expected.value}}}};
  if (forecast.bounds) {
    out["total_microusd"]["low"] = forecast.bounds->low.value;
    out["total_microusd"]["high"] = forecast.bounds->high.value;
    out["interval_percent"] = period_interval_percent;
  }
  if (forecast.runs) {
    out["runs_at_work"] = forecast.runs->at_work;
    out["runs_left_microusd"] = forecast.runs->left.value;
    out["runs_begun_microusd"] = forecast.runs->begun.value;
  }
  const auto put = [&out](const char* name, const std::string& text) {
    if (!text.empty()) out[name] = text;
  };
  put("team", forecast.filter.team);
  put("project", forecast.filter.project);
  put("model_type", forecast.filter.model_type);
  return out;
}

}  // namespace oppen::cost
