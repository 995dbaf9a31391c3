// What the rule of unusual series tells of real ones, on which nothing is known to be wrong, beside what the detector alone would tell; and
// how many faults that are put into them it finds, and how soon. And what memory 100,000 of its series take.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <map>
#include <random>
#include <sstream>

#include "bench/anomaly/cost_trace.hpp"
#include "bench/support/must.hpp"
#include "bench/support/process_memory.hpp"
#include "bench/support/report.hpp"
#include "workers/anomaly/detect/state.hpp"
#include "workers/anomaly/rules/live_series.hpp"
#include "workers/runtime/settings.hpp"

namespace oppen::bench {
namespace {

using anomaly::LiveSeries;
using anomaly::Worse;
constexpr std::int64_t interval_seconds = std::chrono::seconds(LiveSeries::interval).count();
constexpr auto values_a_week = static_cast<double>(7 * LiveSeries::values_a_day);
constexpr std::size_t clusters = 6;
// Of a series, and of one that is the only one of its kind.
constexpr int faults_of_a_series = 20, faults_of_the_only = 400;
constexpr std::size_t fault_values = 18;  // three hours
constexpr std::size_t soon = 3;           // half an hour

struct Series {
  std::string name;
  Worse worse;
  std::vector<double> values;
};

Time time_of(std::size_t number) {
  return Time(std::chrono::seconds(static_cast<std::int64_t>(number) * interval_seconds));
}

// Of the whole cluster, and of each team.
std::vector<Series> rates_of(const CostTrace& trace) {
  std::map<std::string, std::vector<double>> by_team;
  const std::int64_t first = trace.first_day * 86'400;
  const auto count = static_cast<std::size_t>(trace.days * 86'400 / interval_seconds);
  for (const auto& part : trace.parts) {
    for (auto from = part.begins; from < part.ends;) {
      const auto slot = (from - first) / interval_seconds;
      const auto until = std::min(part.ends, first + (slot + 1) * interval_seconds);
      const double usd = part.usd_hour * static_cast<double>(until - from) /
                         static_cast<double>(interval_seconds) * time_multiplier(from / 300);
      for (const auto& team : {std::string(), trace.kinds[part.kind].team}) {
        auto& values = by_team[team];
        values.resize(count);
        values[static_cast<std::size_t>(slot)] += usd;
      }
      from = until;
    }
  }
  std::vector<Series> all;
  for (auto& [team, values] : by_team)
    all.push_back({"cost_rate " + team, anomaly::worse_cost_rate, std::move(values)});
  return all;
}

// A column of minutes, as means of ten.
std::vector<double> means_of(const std::string& path, const std::string& column) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  std::istringstream header(line);
  int place = 0;
  for (std::string name; std::getline(header, name, ',') && name != column;) ++place;
  std::vector<double> means;
  int count = 0;
  for (double sum = 0; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string field;
    for (int i = 0; i <= place; ++i) std::getline(fields, field, ',');
    double value = 0;
    if (std::from_chars(field.data(), field.data() + field.size(), value).ec != std::errc())
      give_up("reading " + path, "it has no number in column " + column + ": " + line);
    sum += value;
    if (++count % 10 != 0) continue;
    means.push_back(sum / 10);
    sum = 0;
  }
  return means;
}

struct Told {
  double weeks = 0;
  int rule = 0;      // episodes
  int detector = 0;  // values above its bar
  int fifth = 0;     // times that it rose 20 % above the mean of the day before
};

void judge(const Series& series, Told& told) {
  LiveSeries live;
  anomaly::Novelty detector;
  double day = 0;
  bool was_unusual = false;
  bool was_above = false;
  for (std::size_t i = 0; i < series.values.size(); ++i) {
    const double value = series.values[i];
    const double usual = live.usual();
    live.add(time_of(i), value, series.worse);
    const bool known = i >= LiveSeries::history;
    const double score = detector.add({time_of(i), value});
    if (known && anomaly::to_unit(score, anomaly::Novelty::usual) >= 0.5) ++told.detector;
    // It fires when the next value says so, too.
    if (live.is_unusual() && was_unusual && day == 0) ++told.rule, day = 1;
    if (!live.is_unusual()) day = 0;
    was_unusual = live.is_unusual();
    const bool above = (value - usual) * series.worse.direction > 0.2 * std::fabs(usual);
    if (known && above && !was_above) ++told.fifth;
    was_above = above;
  }
  told.weeks += static_cast<double>(series.values.size() - LiveSeries::history) / values_a_week;
}

struct Found {
  int faults = 0;
  int soon = 0;
  // Of these at a level that had never been there.
  int new_level = 0;
  int new_level_soon = 0;
};

// Three hours in which it is worse by twice the least that counts, above all that the three days before had.
void inject(const Series& series, int faults, std::mt19937_64& random, Found& found) {
  const auto first = static_cast<std::size_t>(7 * LiveSeries::values_a_day);
  for (int number = 0; number < faults; ++number) {
    auto values = series.values;
    const auto at = first + pick(random, values.size() - first - fault_values);
    const auto from = values.begin() + static_cast<std::ptrdiff_t>(at);
    const auto [low, high] = std::minmax_element(from - LiveSeries::history, from);
    const double mean = [&] {
      double sum = 0;
      for (auto one = from - LiveSeries::values_a_day; one != from; ++one) sum += *one;
      return sum / static_cast<double>(LiveSeries::values_a_day);
    }();
    const double by = 2 * std::max(series.worse.least, series.worse.part * std::fabs(mean));
    // What has no room to be worse has no such fault.
    const double level = series.worse.direction > 0 ? *high + by : *low - by;
    if (level < 0) continue;
    const bool is_new = std::all_of(values.begin(), from, [&](double one) {
      return (level - one) * series.worse.direction > 0;
    });
    std::fill_n(from, fault_values, level);
    LiveSeries live;
    bool is_found = false;
    for (std::size_t i = 0; i < at + soon; ++i) {
      live.add(time_of(i), values[i], series.worse);
      is_found = is_found || (i >= at && live.is_unusual());
    }
    ++found.faults;
    found.soon += is_found ? 1 : 0;
    found.new_level += is_new ? 1 : 0;
    found.new_level_soon += is_new && is_found ? 1 : 0;
  }
}

// In a map by name, as the rule keeps them. A series holds nothing outside of itself, so how much it has seen makes no difference.
void measure_memory(Report& report) {
  constexpr std::size_t count = 100'000, values = 400;
  const double before = process_memory(getpid()).resident_mb;
  std::map<std::string, LiveSeries> all;
  std::mt19937_64 random(1);
  std::lognormal_distribution<double> heavy(0, 3);
  std::size_t least = SIZE_MAX;
  for (std::size_t number = 0; number < count; ++number) {
    auto& series = all[fmt::format("series {:06}", number)];
    for (std::size_t i = 0; i < values; ++i)
      series.add(time_of(i), heavy(random), anomaly::worse_cost_rate);
    if (number % 1000 == 0) least = std::min(least, anomaly::save(series).size());
  }
  const double grown = process_memory(getpid()).resident_mb - before;
  report.claim("live-memory",
               fmt::format("{} series of `unusual` in a map by name, {} values of heavy tails each",
                           count, values));
  report.bar("resident memory that they take", grown, 100, "MB");
  report.measured("of a series", grown * 1e6 / count, "bytes");
  report.measured("saved state of the least full one of a hundred", static_cast<double>(least),
                  "bytes");
}

}  // namespace
}  // namespace oppen::bench

int main(int argc, char** argv) {
  using namespace oppen;
  using namespace oppen::bench;
  runtime::Settings settings(argv[0], "Judges real series by the rule of what is unusual.");
  std::string folder, results;
  settings.add(folder, {.name = "traces", .help = "The folder of the traces.", .unit = "DIR"});
  settings.add(results,
               {.name = "results", .help = "Where the results go as JSON.", .unit = "FILE"});
  if (const auto exit_code = settings.parse(argc, argv)) return *exit_code;

  std::vector<Series> series;
  const auto minutes = must(read_minutes(folder + "/helios_vc.csv"), "reading the traces");
  for (std::size_t seed = 1; seed <= clusters; ++seed) {
    std::mt19937_64 random(seed);
    for (const auto& trace :
         {must(pods_cost(folder + "/openb_pod_list.csv", random), "reading the traces"),
          minutes_cost(minutes, random)}) {
      for (auto& one : rates_of(trace)) series.push_back(std::move(one));
    }
  }
  const auto helios = folder + "/helios_vc.csv";
  auto use = means_of(helios, "gpu_utilization");
  for (auto& value : use) value *= 100;
  series.push_back({"gpu_utilization", anomaly::worse_utilization, std::move(use)});
  series.push_back(
      {"queue_depth", anomaly::worse_queue_depth, means_of(helios, "pending_job_num")});

  Report report;
  measure_memory(report);
  std::map<std::string, std::pair<Told, Found>> by_name;
  std::mt19937_64 random(1);
  for (const auto& one : series) {
    const auto name = one.name.substr(0, one.name.find(' '));
    auto& [told, found] = by_name[name];
    judge(one, told);
    inject(one, name == one.name ? faults_of_the_only : faults_of_a_series, random, found);
  }
  for (const auto& [name, of] : by_name) {
    const auto& [told, found] = of;
    report.claim("live-" + name, fmt::format("alerts `unusual` on {:.0f} weeks of {} of real "
                                             "clusters, of which nothing is known to be wrong",
                                             told.weeks, name));
    report.bar("of a series in a week", told.rule / told.weeks, 1, "");
    report.measured("values that the detector alone tells of", told.detector / told.weeks,
                    "1/week");
    report.measured("times that it is 20 % beyond the day before", told.fifth / told.weeks,
                    "1/week");
    report.measured("faults of three hours put in", found.faults, "");
    report.measured("of which it finds within half an hour",
                    static_cast<double>(found.soon) / std::max(1, found.faults), "");
    // The others the detector knows from before the three days, and must not tell of.
    report.measured("of these at a level that never was", found.new_level, "");
    if (found.new_level > 0)
      report.bar_at_least("of which it finds within half an hour",
                          static_cast<double>(found.new_level_soon) / found.new_level, 0.9, "");
  }
  if (!results.empty() && !report.write(results))
    give_up("writing the results", results + " can't be written");
  return 0;
}
