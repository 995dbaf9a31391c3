// How often the interval of a job's forecast holds what comes: the pods of a trace are forecast at their start and while they run, from
// those alone that have ended by then.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "bench/forecast/played.hpp"
#include "bench/support/must.hpp"
#include "bench/support/report.hpp"
#include "workers/cost/report/forecast.hpp"
#include "workers/runtime/settings.hpp"

namespace {

using namespace oppen;

struct Tally {
  int all = 0;
  int held = 0;
  int below = 0;  // it took less than the lower bound

  void count(const cost::Interval& told, double truth) {
    ++all;
    held += truth >= told.low && truth <= told.high ? 1 : 0;
    below += truth < told.low ? 1 : 0;
  }
  double percent(int part) const { return 100.0 * part / std::max(1, all); }
};

void report_tally(bench::Report& report, const std::string& when, const Tally& tally) {
  report.measured(when, tally.all, "forecasts");
  report.measured("  measured coverage", tally.percent(tally.held), "%");
  report.measured("  ended before the lower bound", tally.percent(tally.below), "%");
}

void measure(const std::string& path, bench::Report& report) {
  const auto pods =
      bench::played_pods(bench::must(bench::read_pod_trace(path), "reading the trace"));
  constexpr std::array<std::pair<const char*, int>, 6> moments{{{"at the start", 0},
                                                                {"after a minute", 60},
                                                                {"after 10 minutes", 600},
                                                                {"after an hour", 3'600},
                                                                {"after 6 hours", 21'600},
                                                                {"after a day", 86'400}}};
  struct Event {
    Time at{};
    std::size_t pod = 0;
    int moment = -1;  // -1: it ends
  };
  std::vector<Event> events;
  for (std::size_t i = 0; i < pods.size(); ++i) {
    events.push_back({pods[i].ends, i, -1});
    for (std::size_t m = 0; m < moments.size(); ++m) {
      const Time at = pods[i].begins + std::chrono::seconds(moments[m].second);
      if (at < pods[i].ends) events.push_back({at, i, static_cast<int>(m)});
    }
  }
  std::stable_sort(events.begin(), events.end(), [](const Event& a, const Event& b) {
    return a.at != b.at ? a.at < b.at : a.moment < b.moment;
  });

  bench::PlayedHistory history;
  std::array<Tally, moments.size()> known;
  Tally all;
  Tally strangers;
  for (const auto& event : events) {
    const auto& pod = pods[event.pod];
    if (event.moment < 0) {
      history.finished(pod.run);
      continue;
    }
    cost::ForecastInput input;
    input.run = pod.run;
    input.run.state = "running";
    input.attempt_started_at = pod.begins;
    input.history = history.of(pod.run.model_type);
    const auto told = cost::make_forecast(input, {}, {}, event.at);
    const double truth = bench::seconds(pod.ends - event.at);
    if (told.history_runs == 0) {
      strangers.count(told.left_seconds, truth);
      continue;
    }
    all.count(told.left_seconds, truth);
    known[static_cast<std::size_t>(event.moment)].count(told.left_seconds, truth);
  }

  report.claim("forecast-runs",
               fmt::format("{} pods, forecast from those of their kind that have ended; "
                           "the interval's nominal coverage is {} %",
                           pods.size(), cost::interval_percent));
  for (std::size_t m = 0; m < moments.size(); ++m) report_tally(report, moments[m].first, known[m]);
  report_tally(report, "all of these", all);
  report.bar_at_least("their measured coverage", all.percent(all.held), cost::interval_percent - 2,
                      "%");
  report_tally(report, "of whose kind none has ended: by a minute an epoch", strangers);
}

}  // namespace

int main(int argc, char** argv) {
  runtime::Settings settings(argv[0], "Forecasts the pods of a trace.");
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
