// Single submissions: from the broker's acknowledgement to job.queued on the bus; one after the
// other, and seldom, when everything on the way has fallen asleep. Each sample is followed by one
// of the bare relay, so that both see the same state of the machine.
#include <random>
#include <thread>

#include "bench/support/bare_relay.hpp"
#include "bench/support/bench.hpp"
#include "bench/support/must.hpp"
#include "schemas/job_events.hpp"
#include "schemas/parse.hpp"

namespace {

using namespace oppen;
using namespace std::chrono_literals;
using bench::SteadyClock;

struct Submissions {
  bench::Samples acknowledged, acknowledged_to_queued, called_to_queued;
  std::vector<std::string> ids;

  void one(bench::Bench& bench) {
    auto job = bench.job();
    ids.push_back(job.job_id);
    const auto called = SteadyClock::now();
    bench::must(bench.client().submit(std::move(job)), "submitting");
    const auto kept = SteadyClock::now();
    const auto queued = bench.events().wait(JobQueued::type, ids.back());
    acknowledged.add(kept - called);
    acknowledged_to_queued.add(queued - kept);
    called_to_queued.add(queued - called);
  }
};

void say(bench::Report& report, const Submissions& submissions, const bench::BareRelay& relay) {
  report.measured("acknowledged -> job.queued read", submissions.acknowledged_to_queued);
  report.measured("submit called -> acknowledged", submissions.acknowledged);
  report.measured("submit called -> job.queued read", submissions.called_to_queued);
  report.limit("bare relay: acknowledged -> answer read", relay.acknowledged_to_answer());
  report.limit("bare Kafka: publish called -> acknowledged", relay.acknowledged());
  report.limit("bare Kafka: publish called -> read", relay.consumed());
  report.limit("bare Redis: one script", relay.script());
  report.ratio("job.queued to the bare relay", submissions.acknowledged_to_queued,
               relay.acknowledged_to_answer());
  report.bar("p99 of acknowledged -> job.queued", submissions.acknowledged_to_queued.percentile(99),
             25, "ms");
}

void cancel(bench::Bench& bench, const Submissions& submissions) {
  const auto before = bench.events().count(JobCancelled::type);
  bench.cancel_all(submissions.ids);
  bench.events().wait_count(JobCancelled::type, before + submissions.ids.size(), 120s);
}

void measure(bench::Bench& bench, bench::Report& report) {
  constexpr int warm_up = 20;
  bench::BareRelay relay(bench.kafka(), bench.options().common.redis_url,
                         to_data(JobSubmit{bench.job()}).dump());
  bench.hold_queue();
  relay.warm_up(warm_up);
  Submissions first;
  for (int i = 0; i < warm_up; ++i) first.one(bench);
  cancel(bench, first);

  Submissions steady;
  for (int i = 0; i < bench.samples(1000, 200); ++i) {
    steady.one(bench);
    relay.step();
  }
  cancel(bench, steady);
  report.claim("submit",
               "a submission, acknowledged by the broker, to its job.queued on the bus; "
               "one after the other");
  say(report, steady, relay);

  relay.reset();
  Submissions seldom;
  std::mt19937 random(1);
  for (int i = 0; i < bench.samples(100, 20); ++i) {
    std::this_thread::sleep_for(200ms + 1ms * (random() % 600));
    seldom.one(bench);
    std::this_thread::sleep_for(100ms);
    relay.step();
  }
  cancel(bench, seldom);
  bench.release_queue(1);
  report.claim("submit-seldom", "the same, one submission at a random moment about twice a second");
  say(report, seldom, relay);
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_bench(argc, argv, "Measures how soon a submission is queued.", measure);
}
