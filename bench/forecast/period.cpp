// How often the interval of a period's forecast holds what comes, and how far off the forecast is, with and without what is known of runs:
// at every noon of a trace, for periods that end some days later. What pods cost is priced by the default rates. Four groups of
// kinds of pods stand for teams.
#include "workers/cost/report/period.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "bench/forecast/played.hpp"
#include "bench/support/must.hpp"
#include "bench/support/report.hpp"
#include "workers/cost/report/forecast.hpp"
#include "workers/runtime/settings.hpp"

namespace {

using namespace oppen;
using std::chrono::days;
using std::chrono::sys_days;

constexpr int teams = 4;
constexpr std::array horizons{1, 3, 7, 14, 28};  // midnights until the end

sys_days day_of(Time time) { return std::chrono::floor<days>(time); }

class Play {
 public:
  explicit Play(std::vector<bench::PlayedPod> pods) : pods_(std::move(pods)) {
    std::map<std::string, std::size_t> kinds;
    for (auto& pod : pods_) {
      const auto kind = kinds.try_emplace(pod.run.model_type, kinds.size()).first->second;
      pod.run.team = fmt::format("team-{}", kind % teams);
      end_ = std::max(end_, pod.ends);
      for (auto day = day_of(pod.begins); Time(day) < pod.ends; day += days{1})
        by_day_[{day, pod.run.team}] += cost_of(pod, day, day + days{1});
    }
  }

  const pricing::RateHistory& rates() const { return rates_; }
  sys_days first() const { return day_of(pods_.front().begins); }
  sys_days end() const { return day_of(end_); }  // of whole days

  // What a pod has cost within these times.
  std::int64_t cost_of(const bench::PlayedPod& pod, Time from, Time to) const {
    const auto up_to = [&](Time time) {
      const pricing::Usage usage{pod.run.resources, ""};
      return rates_.price(usage, pod.begins, std::min(time, pod.ends)).total.value;
    };
    return up_to(to) - up_to(from);
  }
  std::int64_t cost_of_days(sys_days from, sys_days to, const std::string& team) const {
    std::int64_t sum = 0;
    for (const auto& [key, cost] : by_day_) {
      if (key.first >= from && key.first < to && (team.empty() || team == key.second)) sum += cost;
    }
    return sum;
  }

  // As the books stand at `now`.
  std::vector<cost::DayRow> rows_at(Time now) const {
    const auto today = day_of(now);
    std::map<std::string, std::int64_t> of_today;
    for (const auto& pod : pods_) {
      if (pod.begins < now && pod.ends > Time(today))
        of_today[pod.run.team] += cost_of(pod, today, now);
    }
    std::vector<cost::DayRow> rows;
    const auto put = [&rows](sys_days day, const std::string& team, std::int64_t cost) {
      cost::DayRow row;
      row.key.day = day;
      row.key.team = team;
      row.spent.total_microusd = cost;
      rows.push_back(std::move(row));
    };
    for (const auto& [key, cost] : by_day_) {
      if (key.first < today) put(key.first, key.second, cost);
    }
    for (const auto& [team, cost] : of_today) put(today, team, cost);
    return rows;
  }

  // What is known of runs at `now`, for each horizon, by team and for all ("").
  std::map<std::string, std::array<cost::RunsAhead, horizons.size()>> runs_at(Time now) {
    while (next_end_ < by_end().size() && pods_[by_end()[next_end_]].ends <= now)
      history_.finished(pods_[by_end()[next_end_++]].run);
    std::map<std::string, std::array<cost::RunsAhead, horizons.size()>> known;
    for (const auto& pod : pods_) {
      if (pod.begins >= now) break;
      const auto begun = cost_of(pod, pod.begins, now);
      std::optional<cost::Forecast> forecast;
      cost::ForecastInput input;
      if (pod.ends > now) {
        input.run = pod.run;
        input.run.state = "running";
        input.run.charged_until = now;
        input.attempt_started_at = pod.begins;
        input.history = history_.of(pod.run.model_type);
        forecast = cost::make_forecast(input, {}, rates_, now);
      }
      for (std::size_t h = 0; h < horizons.size(); ++h) {
        const Time end = day_of(now) + days{horizons[h]};
        for (const auto& team : {std::string(), pod.run.team}) {
          auto& ahead = known[team][h];
          if (pod.begins >= now - (end - now)) ahead.begun.value += begun;
          if (!forecast) continue;
          ++ahead.at_work;
          ahead.left += cost::left_until(*forecast, input, rates_, end);
        }
      }
    }
    return known;
  }

 private:
  const std::vector<std::size_t>& by_end() {
    if (by_end_.empty()) {
      for (std::size_t i = 0; i < pods_.size(); ++i) by_end_.push_back(i);
      std::sort(by_end_.begin(), by_end_.end(),
                [this](auto a, auto b) { return pods_[a].ends < pods_[b].ends; });
    }
    return by_end_;
  }

  std::vector<bench::PlayedPod> pods_;  // in the order of their beginning
  pricing::RateHistory rates_;
  std::map<std::pair<sys_days, std::string>, std::int64_t> by_day_;
  Time end_{};
  std::vector<std::size_t> by_end_;
  std::size_t next_end_ = 0;
  bench::PlayedHistory history_;
};

struct Tally {
  int all = 0;
  int bounded = 0;
  int held = 0;
  double off = 0;       // sum of the errors of what is to come, as logarithms
  double off_days = 0;  // the same by the days alone

  double percent() const { return 100.0 * held / std::max(1, bounded); }
};

double off_by(MicroUsd expected, MicroUsd spent, double truth) {
  constexpr double cent = 10'000;
  return std::abs(
      std::log((static_cast<double>((expected - spent).value) + cent) / (truth + cent)));
}

void measure(const std::string& path, bench::Report& report) {
  auto pods = bench::must(bench::read_pod_trace(path), "reading the trace");
  if (pods.empty()) bench::give_up("reading the trace", "there is no pod in it");
  Play play(bench::played_pods(pods));
  std::array<Tally, horizons.size()> tallies;
  for (auto today = play.first() + days{1}; today < play.end(); today += days{1}) {
    const Time now = today + std::chrono::hours{12};
    const auto rows = play.rows_at(now);
    for (const auto& [team, known] : play.runs_at(now)) {
      for (std::size_t h = 0; h < horizons.size(); ++h) {
        cost::PeriodInput input;
        input.period = {today, today + days{horizons[h]}};
        if (input.period.to > play.end()) continue;
        input.filter.team = team;
        input.days = rows;
        const auto by_days = cost::forecast_period(input, play.rates(), now);
        input.runs = known[h];
        const auto told = cost::forecast_period(input, play.rates(), now);
        const auto total = play.cost_of_days(input.period.from, input.period.to, team);
        const auto rest = static_cast<double>(total - told.spent.value);
        auto& tally = tallies[h];
        ++tally.all;
        tally.off += off_by(told.expected, told.spent, rest);
        tally.off_days += off_by(by_days.expected, told.spent, rest);
        if (!told.bounds) continue;
        ++tally.bounded;
        tally.held += total >= told.bounds->low.value && total <= told.bounds->high.value ? 1 : 0;
      }
    }
  }

  report.claim("forecast-period",
               fmt::format("{} pods over {} days, forecast at every noon, in all and for {} teams; "
                           "the interval's nominal coverage is {} %",
                           pods.size(), (play.end() - play.first()).count(), teams,
                           cost::period_interval_percent));
  for (std::size_t h = 0; h < horizons.size(); ++h) {
    const auto& tally = tallies[h];
    const auto name = fmt::format("{} midnights before the end", horizons[h]);
    report.measured(name, tally.all, "forecasts");
    report.measured("  with an interval", tally.bounded, "forecasts");
    report.bar_at_least("  its measured coverage", tally.percent(),
                        cost::period_interval_percent - 5, "%");
    const auto mean = [&](double off) { return 100 * std::expm1(off / std::max(1, tally.all)); };
    report.measured("  mean error of what is to come", mean(tally.off), "%");
    report.measured("  the same by days alone", mean(tally.off_days), "%");
  }
}

}  // namespace

int main(int argc, char** argv) {
  runtime::Settings settings(argv[0], "Forecasts what the pods of a trace cost by periods' ends.");
  std::string trace, results;
  settings.add(trace,
               {.name = "trace", .help = "Pods, as openb_pod_list.csv has them.", .unit = "FILE"});
  settings.add(results,
               {.name = "results", .help = "Where the results go as JSON.", .unit = "FILE"});
  if (const auto exit_code = settings.parse(argc, argv)) return *exit_code;
  bench::Report report;
  measure(trace, report);
  if (!results.empty() && !report.write(results))
    bench::give_up("writing the results", results + " can't be written");
  return 0;
}
