// How many of the faults that are put into real costs the rule of daily cost finds, how soon, and whether it names the cause; beside the
// rule that tells each day which costs 20 % more than the mean of the seven before. Every charge goes through anomaly::Spend, in simulated
// time; every series is looked at every five minutes, five minutes after what is looked at, and what is found goes through
// anomaly::Episodes: told is what would be published, when it would be.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "bench/anomaly/cost_trace.hpp"
#include "bench/anomaly/fault.hpp"
#include "bench/support/must.hpp"
#include "bench/support/report.hpp"
#include "workers/anomaly/episodes/episodes.hpp"
#include "workers/anomaly/spend/spend.hpp"
#include "workers/runtime/settings.hpp"

namespace {

using namespace oppen;
using namespace oppen::bench;
using anomaly::Slot;
using anomaly::slots_a_day;

// Of what an average day costs. The bars are for the first one; the others are tried on a quarter of the clusters.
constexpr std::array<double, 3> floors{0.5, 0.33, 0.2};
constexpr Slot warm_up = 10 * slots_a_day;
// An alert on what was spent may come until the day's end, and still means the fault.
constexpr Slot grace = 12 * 12;

struct Told {
  Slot at = 0;
  std::map<std::string, std::string> labels;
  std::vector<Alert::Cause> causes;
  std::string summary;
};

struct Tally {
  int faults = 0, found = 0;       // worth the floor
  int alerts = 0, right = 0;       // of those, of a fault of any worth
  int again = 0;                   // of a fault that was told already
  int first = 0, among_three = 0;  // causes of found ones
  Samples delays;                  // minutes; see report_on
  Samples from_begin, from_cost;
  Samples lost;                   // part of the floor that a fault has cost when it is told
  int soon = 0;                   // within 30 minutes
  int jumps = 0, jumps_soon = 0;  // of all but drifts
  std::array<std::array<int, 2>, fault_names.size()> by_kind{};  // found, of
  std::array<std::array<int, 2>, 3> by_worth{};                  // 1 to 2, to 4, more floors
  int injected = 0;
  double days = 0;
};

Time time_of(Slot slot) { return Time(slot * anomaly::slot_length); }

bool names_cause(const Fault& fault, const Alert::Cause& cause) {
  const auto says = [&](const char* word) {
    return cause.explanation.find(word) != std::string::npos;
  };
  if (fault.kind == FaultKind::price)
    return cause.dimension == "gpu_type" && cause.value == fault.on.gpu_type && says("price");
  if (says("price") || (fault.kind == FaultKind::retries && !says("retries"))) return false;
  return (cause.dimension == "team" && cause.value == fault.on.team) ||
         (cause.dimension == "project" && cause.value == fault.on.project) ||
         (cause.dimension == "model_type" && cause.value == fault.on.model_type);
}

bool means(const Fault& fault, const Told& told) {
  if (told.at < fault.begins || told.at > fault.ends + grace) return false;
  const auto& [dimension, value] = *told.labels.begin();
  if (dimension == "scope") return true;
  if (dimension == "gpu_type") return value == fault.on.gpu_type;
  // Of a price that rose any of those who pay it may be told, if that is the cause named first.
  if (fault.kind == FaultKind::price)
    return !told.causes.empty() && names_cause(fault, told.causes.front());
  if (dimension == "team") return value == fault.on.team;
  if (dimension == "project") return value == fault.on.project;
  if (dimension == "model_type") return value == fault.on.model_type;
  return value == fault.on.pod_namespace;
}

class Play {
 public:
  Play(const CostTrace& trace, const KindCosts& costs, std::vector<Fault> faults, double floor)
      : trace_(trace),
        costs_(costs),
        faults_(std::move(faults)),
        spend_({MicroUsd{std::llround(floor * 1e6)}}) {}

  std::vector<Told> run() {
    const Slot first = trace_.first_day * slots_a_day, last = first + trace_.days * slots_a_day;
    for (Slot slot = first; slot < last; ++slot) {
      charge(slot);
      for (const auto& fault : faults_) inject(fault, slot);
      if (slot >= first + warm_up) look(slot + 1);
    }
    return std::move(told_);
  }
  // Every day of every series that costs 20 % more than the mean of the seven before, days in a row being one alert.
  std::vector<Told> simple_rule(bool total_alone) const {
    std::vector<Told> told;
    for (const auto& [labels, days] : daily_) {
      if (total_alone && labels.first != "scope") continue;
      bool before = false;
      for (std::int64_t day = 10; day < trace_.days; ++day) {
        double mean = 0;
        for (std::int64_t i = day - 7; i < day; ++i)
          mean += days.at(static_cast<std::size_t>(i)) / 7;
        const bool high = days.at(static_cast<std::size_t>(day)) > 1.2 * mean;
        if (high && !before)
          told.push_back({(trace_.first_day + day + 1) * slots_a_day,
                          {{labels.first, labels.second}},
                          {},
                          ""});
        before = high;
      }
    }
    return told;
  }

 private:
  void spend(const anomaly::SpentOn& on, Slot slot, Time start, Time end, double dollars,
             double units) {
    anomaly::Spending spending;
    spending.start = start;
    spending.end = end;
    spending.amount = {std::llround(dollars * 1e6)};
    spending.on = on;
    spending.units = units;
    spending.time_multiplier = time_multiplier(slot);
    spend_.add(spending);
    const auto day = static_cast<std::size_t>(slot / slots_a_day - trace_.first_day);
    const auto sum = [&](const char* dimension, const std::string& value) {
      if (value.empty()) return;
      auto& days = daily_[{dimension, value}];
      if (days.empty()) days.resize(static_cast<std::size_t>(trace_.days));
      days[day] += dollars;
    };
    sum("scope", "total");
    sum("team", on.team);
    sum("project", on.project);
    sum("model_type", on.model_type);
    sum("gpu_type", on.gpu_type);
    sum("namespace", on.pod_namespace);
  }

  void charge(Slot slot) {
    const std::int64_t from = slot * 300, to = from + 300;
    for (; next_ < trace_.parts.size() && trace_.parts[next_].begins < to; ++next_) {
      const auto& part = trace_.parts[next_];
      active_.push_back(next_);
      if (part.is_start)
        spend_.note({anomaly::NoteKind::started, Time(std::chrono::seconds(part.begins)),
                     trace_.kinds[part.kind], 1});
    }
    std::erase_if(active_, [&](std::size_t i) { return trace_.parts[i].ends <= from; });
    for (const auto i : active_) {
      const auto& part = trace_.parts[i];
      const auto& on = trace_.kinds[part.kind];
      const auto begins = std::max(from, part.begins), ends = std::min(to, part.ends);
      double factor = time_multiplier(slot);
      for (const auto& fault : faults_) {
        if (slot < fault.begins || slot >= fault.ends) continue;
        if (fault.kind == FaultKind::price && fault.on.gpu_type == on.gpu_type)
          factor *= fault.price;
        if (fault.kind == FaultKind::swap && fault.on.team != on.team) factor *= kept(fault, slot);
      }
      // Less work is fewer jobs' time at the same price.
      const bool less = factor < time_multiplier(slot);
      const double part_kept = less ? factor / time_multiplier(slot) : 1;
      spend(on, slot, Time(std::chrono::seconds(begins)), Time(std::chrono::seconds(ends)),
            part.usd_hour * static_cast<double>(ends - begins) / 3600 * factor,
            part.units * part_kept);
    }
  }

  double kept(const Fault& fault, Slot slot) const {
    double others = 0;
    for (std::size_t kind = 0; kind < trace_.kinds.size(); ++kind)
      if (trace_.kinds[kind].team != fault.on.team) others += costs_.sum(kind, slot, slot + 1);
    const double added = fault.added[static_cast<std::size_t>(slot - fault.begins)];
    return others > 0 ? std::max(0.0, 1 - added / others) : 1;
  }

  void inject(const Fault& fault, Slot slot) {
    if (slot < fault.begins || slot >= fault.ends) return;
    if (fault.kind == FaultKind::price) {
      if (slot == fault.begins)
        spend_.note({anomaly::NoteKind::price_change,
                     time_of(slot),
                     {"", "", "", fault.on.gpu_type, "", ""},
                     0});
      return;
    }
    const auto i = static_cast<std::size_t>(slot - fault.begins);
    // A drift's jobs come one by one.
    const double part =
        fault.kind == FaultKind::drift
            ? std::min(1.0, static_cast<double>(i + 1) / static_cast<double>(slots_a_day))
            : 1;
    const auto jobs = static_cast<int>(std::ceil(part * fault.jobs));
    const int before = fault.kind == FaultKind::drift
                           ? static_cast<int>(std::ceil(
                                 part * fault.jobs - fault.jobs / static_cast<double>(slots_a_day)))
                           : (i == 0 ? 0 : jobs);
    for (int job = before; job < jobs; ++job)
      spend_.note({anomaly::NoteKind::started, time_of(slot), fault.on, 1});
    // Each fails and starts again after ten minutes.
    if (fault.kind == FaultKind::retries && i % 2 == 1)
      for (int job = 0; job < jobs; ++job) {
        spend_.note({anomaly::NoteKind::requeued, time_of(slot), fault.on, 1});
        spend_.note({anomaly::NoteKind::started, time_of(slot), fault.on, 1});
      }
    const double each = fault.added[i] / jobs;
    for (int job = 0; job < jobs; ++job)
      spend(fault.on, slot, time_of(slot), time_of(slot + 1), each,
            each * 12 / time_multiplier(slot) / fault.unit_usd_hour);
  }

  void look(Slot at) {
    for (const auto& said : episodes_.look(spend_.look(time_of(at)), time_of(at + 1)))
      if (said.alert.state == "firing")
        told_.push_back({at + 1, said.alert.labels, said.alert.causes, said.alert.summary});
  }

  const CostTrace& trace_;
  const KindCosts& costs_;
  std::vector<Fault> faults_;
  anomaly::Spend spend_;
  std::size_t next_ = 0;
  std::vector<std::size_t> active_;
  std::vector<Told> told_;
  anomaly::Episodes episodes_;
  std::map<std::pair<std::string, std::string>, std::vector<double>> daily_;
};

void judge(const std::vector<Fault>& faults, const std::vector<Told>& told, double floor,
           bool verbose, Tally& tally) {
  std::set<const Fault*> found;
  tally.alerts += static_cast<int>(told.size());
  for (const auto& one : told) {
    const auto fault =
        std::find_if(faults.begin(), faults.end(), [&](const Fault& of) { return means(of, one); });
    if (verbose)
      fmt::print(
          "    {} {}={} {} {} | {}\n", to_rfc3339(time_of(one.at)), one.labels.begin()->first,
          one.labels.begin()->second,
          fault == faults.end() ? "FALSE" : fault_names[static_cast<std::size_t>(fault->kind)],
          one.summary.substr(18), one.causes.empty() ? "" : one.causes[0].explanation);
    if (fault == faults.end()) continue;
    ++tally.right;
    if (!found.insert(&*fault).second) {
      ++tally.again;
      continue;
    }
    if (fault->worth < floor) continue;
    ++tally.found;
    ++tally.by_kind[static_cast<std::size_t>(fault->kind)][0];
    ++tally.by_worth[fault->worth < 2 * floor ? 0 : fault->worth < 4 * floor ? 1 : 2][0];
    const auto since = [&](Slot slot) {
      return static_cast<double>(std::max<Slot>(0, one.at - slot) * 5);
    };
    const auto delay = since(fault->matters);
    tally.delays.add(delay);
    tally.from_begin.add(since(fault->begins));
    tally.from_cost.add(since(fault->has_cost_floor));
    tally.lost.add(fault->cost_until(one.at) / floor);
    const bool soon = delay <= 30, jump = fault->kind != FaultKind::drift;
    tally.soon += soon ? 1 : 0;
    tally.jumps += jump ? 1 : 0;
    tally.jumps_soon += jump && soon ? 1 : 0;
    if (verbose)
      fmt::print("      {} x{:.1f} after {:.0f} min, {:.0f} from its begin, {:.2f} floors lost\n",
                 fault_names[static_cast<std::size_t>(fault->kind)], fault->worth / floor, delay,
                 since(fault->begins), fault->cost_until(one.at) / floor);
    const auto three = std::min<std::size_t>(3, one.causes.size());
    const auto right = static_cast<std::size_t>(
        std::find_if(one.causes.begin(), one.causes.begin() + static_cast<std::ptrdiff_t>(three),
                     [&](const auto& cause) { return names_cause(*fault, cause); }) -
        one.causes.begin());
    tally.first += right == 0 && three > 0 ? 1 : 0;
    tally.among_three += right < three ? 1 : 0;
    if (verbose && right != 0)
      fmt::print("      wrong cause; was {} {} {}\n", fault->on.team, fault->on.project,
                 fault->on.model_type);
  }
  for (const auto& fault : faults) {
    if (fault.worth < floor) continue;
    ++tally.faults;
    ++tally.by_kind[static_cast<std::size_t>(fault.kind)][1];
    ++tally.by_worth[fault.worth < 2 * floor ? 0 : fault.worth < 4 * floor ? 1 : 2][1];
    if (verbose && !found.contains(&fault))
      fmt::print("    MISSED {} {} {} {} x{:.1f} from {}\n",
                 fault_names[static_cast<std::size_t>(fault.kind)], fault.on.team,
                 fault.on.model_type, fault.on.gpu_type, fault.worth / floor,
                 to_rfc3339(time_of(fault.begins)));
  }
}

double share(int of, int all) { return all == 0 ? 0 : static_cast<double>(of) / all; }

struct Tallies {
  Tally ours, simple, simple_total;
};

struct Options {
  std::string folder;
  std::int64_t first_seed = 1'001, clusters = 60;
  bool verbose = false;
};

Tallies measure(const Options& options, std::int64_t clusters, double floor_part) {
  const auto minutes = must(read_minutes(options.folder + "/helios_vc.csv"), "reading the minutes");
  Tallies tallies;
  for (std::int64_t i = 0; i < clusters; ++i) {
    std::mt19937_64 random(static_cast<std::uint64_t>(options.first_seed + i));
    const auto trace = i % 2 == 0 ? must(pods_cost(options.folder + "/openb_pod_list.csv", random),
                                         "reading the pods")
                                  : minutes_cost(minutes, random);
    const auto costs = costs_of(trace);
    double total = 0;
    for (std::size_t kind = 0; kind < trace.kinds.size(); ++kind)
      total += costs.sum(kind, costs.first, costs.first + trace.days * slots_a_day);
    const double floor = floor_part * total / static_cast<double>(trace.days);
    const auto faults = draw_faults(trace, costs, floor, random);
    if (options.verbose)
      fmt::print("  {} {}: floor {:.2f}, {} faults\n", options.first_seed + i, trace.name, floor,
                 faults.size());
    Play play(trace, costs, faults, floor);
    judge(faults, play.run(), floor, options.verbose, tallies.ours);
    judge(faults, play.simple_rule(false), floor, false, tallies.simple);
    judge(faults, play.simple_rule(true), floor, false, tallies.simple_total);
    tallies.ours.injected += static_cast<int>(faults.size());
    tallies.ours.days += static_cast<double>(trace.days - 10);
  }
  return tallies;
}

void print_row(const std::string& name, const Tally& tally) {
  fmt::print("  {:<46} {:>6} {:>9.3f} {:>6.3f} {:>8.0f} {:>8.0f} {:>8.3f}\n", name, tally.alerts,
             share(tally.right, tally.alerts), share(tally.found, tally.faults),
             tally.delays.percentile(50), tally.delays.percentile(95),
             share(tally.soon, tally.found));
}

void print_table(double floor_part, const Tallies& of) {
  fmt::print("\n  {:<46} {:>6} {:>9} {:>6} {:>8} {:>8} {:>8}\n",
             fmt::format("{} faults of {} worth {:.0f} % of a day", of.ours.faults,
                         of.ours.injected, 100 * floor_part),
             "alerts", "precision", "recall", "p50 min", "p95 min", "30 min");
  print_row("daily cost", of.ours);
  print_row("+20 % on a whole day, the total", of.simple_total);
  print_row("+20 % on a whole day, every series", of.simple);
}

void report_on(const Tally& tally, Report& report) {
  report.claim("faults",
               "faults in real costs that are worth the floor, half an average day; the rest of "
               "the table above");
  report.measured("injected", tally.injected, "faults");
  report.measured("of these worth the floor", tally.faults, "faults");
  report.measured("clusters' days that were watched", tally.days, "days");
  report.bar_at_least("precision: alerts that mean a fault", share(tally.right, tally.alerts), 0.9,
                      "");
  report.bar_at_least("recall: faults that were told", share(tally.found, tally.faults), 0.9, "");
  // Three ways to count. By the first a drift can't be told in time: 30 minutes after a day at its rate is worth the floor it is some hundredths
  // of the floor above that, far less than chance. By the last one it is known to be worth the floor, for it has cost it.
  report.bar_at_most("published after a day at its rate is worth the floor, p50",
                     tally.delays.percentile(50), 30, "min");
  report.bar_at_most("the same, p95", tally.delays.percentile(95), 30, "min");
  report.measured("within 30 minutes of that, of those told", 100 * share(tally.soon, tally.found),
                  "%");
  report.measured("the same of all but drifts", 100 * share(tally.jumps_soon, tally.jumps), "%");
  report.measured("published after it began, p50", tally.from_begin.percentile(50), "min");
  report.measured("the same, p95", tally.from_begin.percentile(95), "min");
  report.bar_at_most("published after it has cost the floor, p95", tally.from_cost.percentile(95),
                     30, "min");
  report.measured("what it has cost by then, of the floor, p50", 100 * tally.lost.percentile(50),
                  "%");
  report.measured("the same, p95", 100 * tally.lost.percentile(95), "%");
  report.bar_at_least("right cause named first", 100 * share(tally.first, tally.found), 85, "%");
  report.bar_at_least("right cause among three", 100 * share(tally.among_three, tally.found), 95,
                      "%");
  report.measured("alerts of a fault that was told already", tally.again, "alerts");
  for (std::size_t i = 0; i < fault_names.size(); ++i)
    report.measured(fmt::format("recall, {}", fault_names[i]),
                    share(tally.by_kind[i][0], tally.by_kind[i][1]),
                    fmt::format("of {}", tally.by_kind[i][1]));
  constexpr std::array worths{"1 to 2 floors", "2 to 4 floors", "more than 4 floors"};
  for (std::size_t i = 0; i < worths.size(); ++i)
    report.measured(fmt::format("recall, worth {}", worths[i]),
                    share(tally.by_worth[i][0], tally.by_worth[i][1]),
                    fmt::format("of {}", tally.by_worth[i][1]));
}

}  // namespace

int main(int argc, char** argv) {
  runtime::Settings settings(argv[0],
                             "Scores the rule of daily cost on faults put into real costs.");
  Options options;
  std::string results;
  settings.add(options.folder, {.name = "traces",
                                .help = "The folder of openb_pod_list.csv and helios_vc.csv.",
                                .unit = "DIR"});
  settings.add(results,
               {.name = "results", .help = "Where the results go as JSON.", .unit = "FILE"});
  settings.add(options.first_seed,
               {.name = "first-seed",
                .help = "Of clusters and faults; constants were chosen on some below 1000."});
  settings.add(
      options.clusters,
      {.name = "clusters", .help = "How many, of pods and of minutes by turns.", .min = 4});
  settings.add(options.verbose,
               {.name = "verbose", .help = "Prints each alert and each fault that was missed."});
  if (const auto exit_code = settings.parse(argc, argv)) return *exit_code;

  Report report;
  for (const double floor : floors) {
    const bool first = floor == floors.front();
    const auto tallies = measure(options, first ? options.clusters : options.clusters / 4, floor);
    print_table(floor, tallies);
    if (first) report_on(tallies.ours, report);
  }
  if (!results.empty() && !report.write(results))
    give_up("writing the results", results + " can't be written");
  return 0;
}
