// Why a job waits, asked of random ones of a very long queue, through the console; beside it, what a bare request costs on the same way.
#include <algorithm>
#include <random>

#include "bench/plan/ask.hpp"
#include "bench/support/process_memory.hpp"
#include "scheduler/queue/keys.hpp"

namespace {

using namespace oppen;
using bench::SteadyClock;

std::vector<std::string> queued_ids(bench::Bench& bench) {
  const auto key = queue::key_prefix(bench.options().common.topic_prefix) + "queue:n";
  const auto reply =
      bench::must(bench.redis().command({"ZRANGE", key, "0", "-1"}), "reading the queue");
  std::vector<std::string> ids;
  for (const auto& element : reply.elements) ids.push_back(element.text);
  return ids;
}

void measure(bench::Bench& bench, bench::Report& report) {
  const int queued = bench.samples(100'000, 20'000);
  const int questions = bench.samples(1'000, 200);
  bench.hold_queue();
  // Of several lengths and sizes.
  std::vector<JobSpec> kinds;
  for (int i = 1; i <= 7; ++i) {
    kinds.push_back(bench.job("1h"));
    kinds.back().epochs = 3 * i;
    kinds.back().resources.cpu_millicores = 50 * i;
  }
  bench.fill_queue(kinds, queued);
  bench.wait_outbox_empty();
  const auto pid = bench.options().scheduler_pid;
  const auto before = bench::process_memory(pid);
  const auto ids = queued_ids(bench);

  bench::Ask ask(bench.options().console_url);
  std::mt19937 random(20260103);
  const auto path_of_any = [&] {
    return "/api/v1/jobs/" + ids[random() % ids.size()] + "/explain";
  };
  bench::Samples first;
  ask(path_of_any(), first);
  bench::Samples explained;
  bench::Samples bare;
  for (int i = 0; i < questions; ++i) {
    ask(path_of_any(), explained);
    ask("/healthz", bare);
  }

  report.claim("explain", std::to_string(queued) +
                              " jobs queued: why a random one of them waits, asked of the console");
  report.measured("question -> answer", explained);
  report.limit("bare GET of /healthz", bare);
  report.ratio("to a bare GET", explained, bare);
  report.measured("the first question", first);
  report.bar("p99 of question -> answer", explained.percentile(99), 20, "ms");
  const auto after = bench::process_memory(pid);
  report.measured("oppen-scheduler before the first question", before.resident_mb, "MB");
  report.measured("oppen-scheduler after the last", after.resident_mb, "MB");
  report.measured("oppen-scheduler, at its peak", after.peak_mb, "MB");
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_bench(argc, argv, "Measures how fast it is said why a job waits.", measure);
}
