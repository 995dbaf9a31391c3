// A real trace, played through the scheduler's planning in virtual time: first in strict order, then with backfill. How long jobs
// wait, and whether they start when they were told, beside what no schedule can beat, and one that knows all run times.
#include <fmt/format.h>

#include "bench/support/must.hpp"
#include "bench/support/report.hpp"
#include "bench/trace/bounds.hpp"
#include "workers/runtime/settings.hpp"

namespace {

using namespace oppen;
using bench::TraceJob;

bench::Outcome measure(const std::vector<TraceJob>& jobs, const plan::Amounts& room,
                       const bench::Planning& planning, bench::Report& report) {
  const auto starts = bench::run_virtually(jobs, room, planning);
  std::vector<Time> times;
  int waited = 0, in_time = 0, waited_in_time = 0;
  for (const auto& start : starts) {
    times.push_back(start.at);
    const bool kept = start.at <= start.told_p90;
    in_time += kept;
    waited += start.waited;
    waited_in_time += start.waited && kept;
  }
  auto of = bench::outcome(jobs, times);
  report.measured("mean wait", of.mean_wait, "s");
  report.measured("waits", of.waits, "s");
  report.measured("makespan", of.makespan, "s");
  report.measured("jobs that waited", waited, "jobs");
  const auto percent = [](int part, std::size_t all) {
    return all == 0 ? 100.0 : 100.0 * part / static_cast<double>(all);
  };
  report.bar_at_least("of these, started by the p90 that explain would have told",
                      percent(waited_in_time, static_cast<std::size_t>(waited)), 85, "%");
  report.bar_at_least("of all", percent(in_time, starts.size()), 85, "%");
  return of;
}

void measure(const std::string& path, std::int64_t nodes, bench::Report& report) {
  auto pods = bench::must(bench::read_pod_trace(path), "reading the trace");
  const auto never_fit =
      std::erase_if(pods, [](const bench::TracePod& pod) { return !bench::fits_a_node(pod); });
  const auto jobs = bench::jobs_of(pods);
  if (jobs.empty()) bench::give_up("reading the trace", "no pod in it fits on a node");
  const auto node = bench::trace_node;
  const plan::Amounts room{0, nodes * node.gpus, nodes * node.cpu_millicores,
                           nodes * node.memory_bytes};

  report.claim("trace",
               fmt::format("{} pods on {} GPUs; {} more are too large for a node of {} GPUs",
                           jobs.size(), room.gpus, never_fit, node.gpus));
  report.claim("trace-strict", "these in virtual time, in strict order of arrival");
  const auto strict = measure(jobs, room, {.backfill = false}, report);
  report.claim("trace-backfill", "the same with backfill");
  const auto backfill = measure(jobs, room, {.backfill = true}, report);
  const double saved = strict.mean_wait > 0 ? 100 * (1 - backfill.mean_wait / strict.mean_wait) : 0;
  report.bar_at_least("its mean wait is below that of strict order by", saved, 25, "%");

  report.claim("trace-no-limits",
               "the same with backfill, but run times are estimated by what jobs ask for alone, "
               "not by their owners' limits");
  measure(jobs, room, {.backfill = true, .limits_tell = false}, report);

  report.claim("trace-bounds", "what these stand beside, worked out by other code");
  report.measured("makespan that no schedule can beat",
                  bench::seconds(bench::earliest_end(jobs, room) - jobs.front().arrives), "s");
  const auto listed = [&](bench::ListOrder order) {
    return bench::outcome(jobs, bench::list_schedule(jobs, room, order));
  };
  report.measured("makespan of a list scheduler that knows all run times, longest first",
                  listed(bench::ListOrder::longest_first).makespan, "s");
  report.measured("mean wait of the same, shortest first",
                  listed(bench::ListOrder::shortest_first).mean_wait, "s");
}

}  // namespace

int main(int argc, char** argv) {
  runtime::Settings settings(argv[0], "Plays a trace of pods through the scheduler's planning.");
  std::string trace, results;
  std::int64_t nodes = 7;
  settings.add(trace,
               {.name = "trace", .help = "Pods, as openb_pod_list.csv has them.", .unit = "FILE"});
  settings.add(nodes, {.name = "nodes", .help = "Nodes of 8 GPUs.", .min = 1, .max = 1000});
  settings.add(results,
               {.name = "results", .help = "Where the results go as JSON.", .unit = "FILE"});
  if (const auto exit_code = settings.parse(argc, argv)) return *exit_code;
  bench::Report report;
  measure(trace, nodes, report);
  if (!results.empty() && !report.write(results))
    bench::give_up("writing the results", results + " can't be written");
  return 0;
}
