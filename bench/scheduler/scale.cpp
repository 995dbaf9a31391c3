// How fast free capacity is filled, against bare concurrent POSTs to the same API server; and, with all of these pods running, what a
// decision costs and what our processes hold with a short and with a very long queue.
#include "bench/support/bench.hpp"
#include "bench/support/console.hpp"
#include "bench/support/must.hpp"
#include "bench/support/process_memory.hpp"
#include "schemas/job_events.hpp"

namespace {

using namespace oppen;
using namespace std::chrono_literals;
using bench::SteadyClock;

double per_second(std::size_t count, SteadyClock::duration time) {
  return static_cast<double>(count) / (bench::milliseconds(time) / 1000);
}

double bare_rate(bench::Bench& bench, std::size_t pods) {
  constexpr int at_once = 16;
  std::vector<runtime::HttpRequest> requests;
  for (std::size_t i = 0; i < pods; ++i)
    requests.push_back(bench.cluster().bare_pod("bare-" + std::to_string(i), bench.job("24h")));
  const auto took = bench.cluster().post_all(std::move(requests), at_once);
  bench.cluster().delete_bare_pods();
  return per_second(pods, took);
}

void launch_rate(bench::Bench& bench, bench::Report& report, std::size_t pods) {
  const auto bare_before = bare_rate(bench, pods);
  bench.hold_queue();
  const auto before = bench.cluster().creations().size();
  bench.fill_queue({bench.job("24h")}, static_cast<int>(pods));
  bench.wait_outbox_empty();
  bench.release_queue(static_cast<int>(pods));
  bench.cluster().wait_creations(before + pods, 600s);
  const auto creations = bench.cluster().creations();
  const auto rate = per_second(pods - 1, creations[before + pods - 1] - creations[before]);
  report.claim(
      "launch-rate",
      std::to_string(pods) +
          " jobs queued, then as many slots: pods created a second, as a watch shows them");
  report.measured("pods launched, a second", rate, "1/s");
  report.measured("limit: bare POSTs, 16 at a time, in an empty namespace", bare_before, "1/s");
  report.measured("ratio to the bare POSTs", rate / bare_before, "times");
  report.bar_at_most("bare POSTs to pods launched", bare_before / rate, 1 / 0.8, "times");
}

// What a decision takes while so many more slots are filled, one after the other.
double decision_microseconds(bench::Bench& bench, std::size_t launches) {
  const auto created = bench.cluster().creations().size();
  const auto before = bench.decisions();
  for (std::size_t i = 1; i <= launches; ++i) {
    bench.set_max_concurrent_jobs(static_cast<int>(created + i));
    bench.cluster().wait_creations(created + i, 60s);
  }
  const auto after = bench.decisions();
  return (after.seconds - before.seconds) / (after.count - before.count) * 1e6;
}

void measure(bench::Bench& bench, bench::Report& report) {
  const auto pods = static_cast<std::size_t>(bench.samples(5'000, 500));
  const int many = bench.samples(1'000'000, 50'000);
  constexpr int few = 1'000;
  constexpr std::size_t launches = 100;
  // The simulated nodes need longer to start them all than a pod may take.
  bench.cluster().set_policy("launch_timeout_seconds", "3600");
  launch_rate(bench, report, pods);
  bench.cluster().wait_running(pods, 900s);

  bench.fill_queue({bench.job("24h")}, few + static_cast<int>(launches));
  const auto short_queue = decision_microseconds(bench, launches);
  const auto begin = SteadyClock::now();
  bench.fill_queue({bench.job("24h")}, many);
  const auto filled = SteadyClock::now() - begin;
  bench.wait_outbox_empty();
  const auto long_queue = decision_microseconds(bench, launches);
  bench.cluster().wait_running(pods + 2 * launches, 900s);
  bench::ask_console(bench);

  report.claim("decision", "what a decision takes, by the scheduler's own metric, with " +
                               std::to_string(few) + " and with " + std::to_string(many) +
                               " jobs queued");
  report.measured("with the short queue", short_queue, "us");
  report.measured("with the long queue", long_queue, "us");
  report.bar_at_most("long to short", long_queue / short_queue, 1.3, "times");

  const auto scheduler = bench::process_memory(bench.options().scheduler_pid);
  report.claim("memory-scale", "resident memory with " + std::to_string(many) +
                                   " jobs queued and " + std::to_string(pods + 2 * launches) +
                                   " pods that run");
  report.measured("the queue was filled with, jobs a second",
                  per_second(static_cast<std::size_t>(many), filled), "1/s");
  report.measured("oppen-scheduler", scheduler.resident_mb, "MB");
  report.bar("oppen-scheduler, at its peak", scheduler.peak_mb, 100, "MB");
  bench::report_console_memory(bench, report, 100);
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_bench(argc, argv, "Measures launch rate, decisions and memory at size.",
                          measure);
}
