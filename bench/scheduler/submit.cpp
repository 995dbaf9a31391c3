// Submitted one at a time: from the broker's acknowledgement to job.queued on the bus. Each sample
// is followed by one of the bare relay, so that both see the same state of the machine.
#include "bench/support/bare_relay.hpp"
#include "bench/support/bench.hpp"
#include "bench/support/must.hpp"
#include "schemas/job_events.hpp"
#include "schemas/parse.hpp"

int main(int argc, char** argv) {
  using namespace oppen;
  return bench::run_bench(
      argc, argv, "Measures how soon a submission is queued.",
      [](bench::Bench& bench, bench::Report& report) {
        const int wanted = bench.samples(1000, 200);
        constexpr int warm_up = 20;
        bench::BareRelay relay(bench.kafka(), bench.options().common.redis_url,
                               to_data(JobSubmit{bench.job()}).dump());
        bench.hold_queue();
        relay.warm_up(warm_up);
        bench::Samples acknowledged, acknowledged_to_queued, called_to_queued;
        std::vector<std::string> ids;
        for (int i = 0; i < warm_up + wanted; ++i) {
          auto job = bench.job();
          ids.push_back(job.job_id);
          const auto called = bench::SteadyClock::now();
          bench::must(bench.client().submit(std::move(job)), "submitting");
          const auto kept = bench::SteadyClock::now();
          const auto queued = bench.events().wait(JobQueued::type, ids.back());
          if (i < warm_up) continue;
          acknowledged.add(kept - called);
          acknowledged_to_queued.add(queued - kept);
          called_to_queued.add(queued - called);
          relay.step();
        }
        bench.cancel_all(ids);
        bench.events().wait_count(JobCancelled::type, ids.size(), std::chrono::seconds{120});
        bench.release_queue(1);

        report.claim("submit",
                     "a submission, acknowledged by the broker, to its job.queued on the bus; one "
                     "at a time");
        report.measured("acknowledged -> job.queued read", acknowledged_to_queued);
        report.measured("submit called -> acknowledged", acknowledged);
        report.measured("submit called -> job.queued read", called_to_queued);
        report.limit("bare relay: acknowledged -> answer read", relay.acknowledged_to_answer());
        report.limit("bare Kafka: publish called -> acknowledged", relay.acknowledged());
        report.limit("bare Kafka: publish called -> read", relay.consumed());
        report.limit("bare Redis: one script", relay.script());
        report.ratio("job.queued to the bare relay", acknowledged_to_queued,
                     relay.acknowledged_to_answer());
        report.bar("p99 of acknowledged -> job.queued", acknowledged_to_queued.percentile(99), 25,
                   "ms");
      });
}
