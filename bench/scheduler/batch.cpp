// Batches: from the broker's acknowledgement of the last part to batch.queued on the bus; and what
// single submissions wait while a large one is taken in.
#include <future>
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

struct Batch {
  std::string id;
  SteadyClock::time_point called, acknowledged, queued;
};

BatchSubmit make_batch(const bench::Bench& bench, int jobs) {
  BatchSubmit batch;
  batch.batch_id = make_job_id("batch");
  auto job = bench.job();
  job.job_id.clear();  // the client gives each its own
  batch.jobs.assign(static_cast<std::size_t>(jobs), job);
  return batch;
}

Batch take_in(bench::Bench& bench, BatchSubmit batch) {
  Batch done{batch.batch_id, SteadyClock::now(), {}, {}};
  bench::must(bench.client().submit_batch(std::move(batch)), "submitting a batch");
  done.acknowledged = SteadyClock::now();
  done.queued = bench.events().wait(BatchQueued::type, done.id, 60s);
  return done;
}

void cancel(bench::Bench& bench, const Batch& batch, std::size_t jobs) {
  const auto before = bench.events().count(JobCancelled::type);
  bench::must(bench.client().cancel({"", batch.id, "bench", "measured"}), "cancelling");
  bench.events().wait_count(JobCancelled::type, before + jobs, 120s);
}

void small_batches(bench::Bench& bench, bench::BareBurst& burst, bench::Report& report) {
  bench::Samples to_queued, to_acknowledged, bare;
  for (int i = 0; i < bench.samples(200, 20); ++i) {
    const auto batch = take_in(bench, make_batch(bench, 100));
    to_queued.add(batch.queued - batch.acknowledged);
    to_acknowledged.add(batch.acknowledged - batch.called);
    cancel(bench, batch, 100);
    bare.add(burst(100));
  }
  report.claim("batch-100",
               "a batch of 100 jobs, acknowledged, to its batch.queued on the bus; one at a time");
  report.measured("acknowledged -> batch.queued read", to_queued);
  report.measured("submit_batch called -> acknowledged", to_acknowledged);
  report.limit("bare Kafka: 100 records published -> all read", bare);
  report.ratio("to the bare records", to_queued, bare);
  report.bar("p99 of acknowledged -> batch.queued", to_queued.percentile(99), 50, "ms");
}

// One submission on a thread of its own, so that a slow one does not hold up the next.
struct Single {
  std::string id;
  SteadyClock::time_point due;
  std::future<SteadyClock::time_point> acknowledged;
};

void large_batches(bench::Bench& bench, bench::BareBurst& burst, bench::Report& report) {
  constexpr int jobs = 10'000;
  constexpr auto every = 20ms;
  bench::Samples to_queued, to_acknowledged, single, single_from_call, single_idle, bare;
  for (int round = 0; round < bench.samples(5, 1); ++round) {
    auto large = make_batch(bench, jobs);
    std::vector<Single> singles;
    auto due = SteadyClock::now();
    const auto submit_one = [&] {
      std::this_thread::sleep_until(due);
      auto job = bench.job();
      singles.push_back(
          {job.job_id, due, std::async(std::launch::async, [&bench, job = std::move(job)] {
             bench::must(bench.client().submit(job), "submitting");
             return SteadyClock::now();
           })});
      due += every;
    };
    for (int i = 0; i < 50; ++i) submit_one();  // what they wait without a batch
    auto intake = std::async(std::launch::async, [&] { return take_in(bench, std::move(large)); });
    while (intake.wait_for(0s) != std::future_status::ready) submit_one();
    const auto batch = intake.get();
    to_queued.add(batch.queued - batch.acknowledged);
    to_acknowledged.add(batch.acknowledged - batch.called);
    std::vector<std::string> ids;
    for (auto& one : singles) {
      const auto acknowledged = one.acknowledged.get();
      const auto queued = bench.events().wait(JobQueued::type, one.id, 60s);
      if (queued < batch.called) single_idle.add(queued - acknowledged);
      if (one.due >= batch.called && one.due <= batch.queued) {
        single.add(queued - acknowledged);
        single_from_call.add(queued - one.due);
      }
      ids.push_back(one.id);
    }
    cancel(bench, batch, jobs);
    bench.cancel_all(ids);
    for (const auto& id : ids) bench.events().wait(JobCancelled::type, id, 60s);
    bare.add(burst(jobs));
  }
  report.claim("batch-10000",
               "a batch of 10,000 jobs, split by the client, its last part acknowledged, to its "
               "batch.queued");
  report.measured("acknowledged -> batch.queued read", to_queued);
  report.measured("submit_batch called -> acknowledged", to_acknowledged);
  report.limit("bare Kafka: 10,000 records published -> all read", bare);
  report.ratio("to the bare records", to_queued, bare);
  report.bar("max of acknowledged -> batch.queued", to_queued.max(), 2000, "ms");

  report.claim("single-during-batch",
               "single submissions every 20 ms while a batch of 10,000 is taken in, acknowledged, "
               "to job.queued");
  report.measured("acknowledged -> job.queued read, during the batch", single);
  report.measured("due -> job.queued read, during the batch", single_from_call);
  report.limit("acknowledged -> job.queued read, just before the batch", single_idle);
  report.ratio("during to before", single, single_idle);
  report.bar("max of acknowledged -> job.queued during the batch", single.max(), 100, "ms");
}

void memory(bench::Bench& bench, bench::Report& report) {
  const auto after = bench::process_memory(bench.options().scheduler_pid);
  report.claim("memory-batches", "resident memory of oppen-scheduler over these batches");
  report.measured("after all of them", after.resident_mb, "MB");
  report.measured("at its peak", after.peak_mb, "MB");
  report.bar("at its peak", after.peak_mb, 30, "MB");
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_bench(argc, argv, "Measures how soon batches are queued.",
                          [](bench::Bench& bench, bench::Report& report) {
                            bench::BareBurst burst(bench.kafka(),
                                                   to_data(JobSubmit{bench.job()}).dump());
                            bench.hold_queue();
                            small_batches(bench, burst, report);
                            large_batches(bench, burst, report);
                            bench.release_queue(1);
                            memory(bench, report);
                          });
}
