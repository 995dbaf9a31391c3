// A long queue: from the end of a pod, as a watch of the API server shows it, to the creation of the
// next one, as the same watch shows it. The first end is paired with the first creation after the slots
// were full, and so on. Meanwhile no job is submitted.
#include "bench/support/bench.hpp"
#include "bench/support/must.hpp"
#include "schemas/job_events.hpp"

namespace {

using namespace oppen;
using namespace std::chrono_literals;

constexpr std::size_t slots = 20;

void measure(bench::Bench& bench, bench::Report& report) {
  const int queued = bench.samples(100'000, 20'000);
  const auto wanted = static_cast<std::size_t>(bench.samples(500, 100));
  bench.hold_queue();
  // Of different lengths, so that ends come one by one and each POST has the API server for itself.
  std::vector<JobSpec> kinds;
  for (int i = 0; i < 61; ++i)
    kinds.push_back(bench.job(std::to_string(2000 + 97 * (i * 29 % 61)) + "ms"));
  bench.fill_queue(kinds, queued);
  bench.wait_outbox_empty();
  const auto before = bench.cluster().creations().size();  // the job that holds the queue
  bench.release_queue(slots);
  bench.cluster().wait_creations(before + slots + wanted, 600s);
  bench.set_max_concurrent_jobs(1);

  const auto creations = bench.cluster().creations();
  const auto ends = bench.cluster().ends();
  bench::Samples to_next;
  // The end of the job that held the queue made room, too.
  for (std::size_t i = 0; i < wanted; ++i)
    to_next.add(creations[before + slots + i] - ends[before + i]);

  bench::Samples bare;
  for (int i = 0; i < bench.samples(100, 30); ++i) {
    const auto name = "bare-" + std::to_string(i);
    const auto begin = bench::SteadyClock::now();
    bench.cluster().post(bench.cluster().bare_pod(name, bench.job("24h")));
    bare.add(bench.cluster().wait_created(name, 30s) - begin);
  }
  bench.cluster().delete_bare_pods();

  report.claim(
      "deep",
      std::to_string(queued) + " jobs queued, " + std::to_string(slots) +
          " slots: the end of a pod to the creation of the next, both as a watch shows them");
  report.measured("end of a pod -> next pod seen", to_next);
  report.limit("bare POST of such a pod: called -> pod seen", bare);
  report.ratio("to a bare POST", to_next, bare);
  report.bar("p50 of end -> next pod", to_next.percentile(50), 20, "ms");
  report.bar("p99 of end -> next pod", to_next.percentile(99), 60, "ms");
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_bench(argc, argv, "Measures how soon a long queue fills a slot.", measure);
}
