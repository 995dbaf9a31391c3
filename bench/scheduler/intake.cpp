// How many submissions a second the queue takes in, and how soon it answers while they come: at a fixed
// rate, whatever becomes of the ones before; in batches of 100, then one by one.
#include <thread>

#include "bench/support/bare_burst.hpp"
#include "bench/support/bench.hpp"
#include "bench/support/must.hpp"
#include "bench/support/process_memory.hpp"
#include "schemas/job_events.hpp"
#include "schemas/parse.hpp"

namespace {

using namespace oppen;
using namespace std::chrono_literals;
using bench::SteadyClock;

struct Sent {
  std::string id;
  std::shared_ptr<std::atomic<SteadyClock::rep>> acknowledged;  // since the clock began; 0: not yet
};

// Calls `submit` at this rate; it returns the id and calls what it is given when the broker has it.
std::vector<Sent> send_at_rate(
    double per_second, std::chrono::seconds duration,
    const std::function<std::string(std::function<void()> acknowledged)>& submit) {
  std::vector<Sent> sent;
  const auto begin = SteadyClock::now();
  const auto count = static_cast<int>(per_second * static_cast<double>(duration.count()));
  for (int i = 0; i < count; ++i) {
    std::this_thread::sleep_until(begin + std::chrono::duration_cast<SteadyClock::duration>(
                                              std::chrono::duration<double>(i / per_second)));
    auto acknowledged = std::make_shared<std::atomic<SteadyClock::rep>>(0);
    auto id =
        submit([acknowledged] { *acknowledged = SteadyClock::now().time_since_epoch().count(); });
    sent.push_back({std::move(id), std::move(acknowledged)});
  }
  return sent;
}

void measure_rate(bench::Bench& bench, bench::Report& report, const std::string& claim,
                  const std::string& what, double jobs_per_second, int jobs_each,
                  std::string_view answer, std::chrono::seconds duration,
                  const std::function<std::string(std::function<void()>)>& submit) {
  const auto begin = SteadyClock::now();
  const auto sent = send_at_rate(jobs_per_second / jobs_each, duration, submit);
  const auto all_sent = SteadyClock::now();
  bench::Samples to_answer;
  auto last = begin;
  for (const auto& [id, acknowledged] : sent) {
    const auto answered = bench.events().wait(answer, id, 120s);
    to_answer.add(answered - SteadyClock::time_point(SteadyClock::duration(*acknowledged)));
    last = std::max(last, answered);
  }
  const auto jobs = static_cast<double>(sent.size()) * jobs_each;
  const auto seconds = [](SteadyClock::duration time) { return bench::milliseconds(time) / 1000; };
  report.claim(claim, what);
  report.measured("jobs submitted, a second", jobs / seconds(all_sent - begin), "1/s");
  report.measured("jobs queued, a second, to the last answer", jobs / seconds(last - begin), "1/s");
  report.measured("acknowledged -> " + std::string(answer), to_answer);
  report.bar("p99 of acknowledged -> answer", to_answer.percentile(99), 250, "ms");
  bench.wait_outbox_empty();
}

void measure(bench::Bench& bench, bench::Report& report) {
  const std::chrono::seconds duration(bench.samples(60, 10));
  bench.hold_queue();
  constexpr int batch_jobs = 100;
  measure_rate(bench, report, "intake-batches",
               "10,000 jobs a second in batches of 100, acknowledged, to batch.queued", 10'000,
               batch_jobs, BatchQueued::type, duration, [&](std::function<void()> acknowledged) {
                 BatchSubmit batch;
                 batch.batch_id = make_job_id("batch");
                 batch.jobs.assign(batch_jobs, bench.job());
                 for (int i = 0; i < batch_jobs; ++i)
                   batch.jobs[static_cast<std::size_t>(i)].job_id =
                       batch.batch_id + "-" + std::to_string(i);
                 bench.submit_batch_later(batch, std::move(acknowledged));
                 return batch.batch_id;
               });
  measure_rate(bench, report, "intake-singles",
               "3,000 jobs a second, each by itself, acknowledged, to job.queued", 3'000, 1,
               JobQueued::type, duration, [&](std::function<void()> acknowledged) {
                 const auto job = bench.job();
                 bench.submit_later(job, std::move(acknowledged));
                 return job.job_id;
               });
  bench::BareBurst burst(bench.kafka(), to_data(JobSubmit{bench.job()}).dump());
  constexpr int records = 10'000;
  report.measured("limit: bare Kafka, records published and read, a second",
                  records / (bench::milliseconds(burst(records)) / 1000), "1/s");
  report.measured("resident memory of oppen-scheduler",
                  bench::process_memory(bench.options().scheduler_pid).resident_mb, "MB");
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_bench(argc, argv, "Measures how many submissions a second are taken in.",
                          measure);
}
