// What a batch would do to a long queue, asked through the console; beside it, what a bare request costs on the same way. And what the
// scheduler holds in memory meanwhile.
#include <nlohmann/json.hpp>

#include "bench/plan/ask.hpp"
#include "bench/support/process_memory.hpp"
#include "schemas/parse.hpp"

namespace {

using namespace oppen;

void measure(bench::Bench& bench, bench::Report& report) {
  const int queued = 10'000;
  const int jobs = 1'000;
  const int questions = bench.samples(100, 20);
  bench.hold_queue();
  std::vector<JobSpec> kinds;
  for (int i = 1; i <= 7; ++i) {
    kinds.push_back(bench.job("1h"));
    kinds.back().epochs = 3 * i;
  }
  bench.fill_queue(kinds, queued);
  bench.wait_outbox_empty();
  const auto pid = bench.options().scheduler_pid;
  const auto before = bench::process_memory(pid);

  BatchSubmit batch;
  batch.batch_id = make_job_id("asked");
  for (int i = 0; i < jobs; ++i) {
    auto spec = kinds[static_cast<std::size_t>(i) % kinds.size()];
    spec.job_id = batch.batch_id + "-" + std::to_string(i);
    batch.jobs.push_back(std::move(spec));
  }
  const auto body = to_text(batch);
  bench::Ask ask(bench.options().console_url);
  bench::Samples simulated;
  bench::Samples bare;
  for (int i = 0; i < questions; ++i) {
    const auto answer = nlohmann::json::parse(ask("/api/v1/simulate", simulated, body));
    if (answer.at("jobs").size() != static_cast<std::size_t>(jobs))
      bench::give_up("simulating a batch", "jobs are missing in the answer");
    ask("/healthz", bare);
  }

  report.claim("simulate", std::to_string(queued) + " jobs queued: what a batch of " +
                               std::to_string(jobs) + " would do, asked of the console");
  report.measured("question -> answer", simulated);
  report.limit("bare GET of /healthz", bare);
  report.ratio("to a bare GET", simulated, bare);
  report.bar("p99 of question -> answer", simulated.percentile(99), 500, "ms");
  const auto after = bench::process_memory(pid);
  report.claim("memory-questions", "resident memory of oppen-scheduler with " +
                                       std::to_string(queued) + " jobs queued and these questions");
  report.measured("before the first question", before.resident_mb, "MB");
  report.measured("at its peak until then", before.peak_mb, "MB");
  report.measured("after the last", after.resident_mb, "MB");
  report.bar("at its peak", after.peak_mb, 30, "MB");
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_bench(argc, argv, "Measures how fast it is said what a batch would do.",
                          measure);
}
