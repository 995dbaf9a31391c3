// A free slot: from submit called to the pod's creation, as a watch of the namespace's pods at the
// API server shows it. Each sample is followed by a bare POST of a pod of the same shape, seen by
// the same watch.
#include "bench/support/bench.hpp"
#include "bench/support/must.hpp"
#include "schemas/job_events.hpp"

int main(int argc, char** argv) {
  using namespace oppen;
  return bench::run_bench(
      argc, argv, "Measures how soon a submission becomes a pod where a slot is free.",
      [](bench::Bench& bench, bench::Report& report) {
        using namespace std::chrono_literals;
        const int wanted = bench.samples(300, 60);
        constexpr int warm_up = 10;
        bench.set_max_concurrent_jobs(1000);
        bench::Samples to_pod, acknowledged_to_pod, bare_post, bare_seen;
        std::vector<std::string> ids;
        for (int i = 0; i < warm_up + wanted; ++i) {
          auto job = bench.job();
          ids.push_back(job.job_id);
          const auto called = bench::SteadyClock::now();
          bench::must(bench.client().submit(job), "submitting");
          const auto acknowledged = bench::SteadyClock::now();
          const auto created = bench.cluster().wait_created(ids.back() + "-1", 30s);
          bench.events().wait(JobStarted::type, ids.back());

          const auto name = "bare-" + std::to_string(i);
          auto request = bench.cluster().bare_pod(name, job);
          const auto post_begin = bench::SteadyClock::now();
          const auto post = bench.cluster().post(std::move(request));
          const auto seen = bench.cluster().wait_created(name, 30s);
          bench.cluster().wait_running(name, 30s);
          if (i < warm_up) continue;
          to_pod.add(created - called);
          acknowledged_to_pod.add(created - acknowledged);
          bare_post.add(post);
          bare_seen.add(seen - post_begin);
        }
        report.claim("launch",
                     "submit called to the pod's creation, as a watch of the pods shows it; one at "
                     "a time, slots free");
        report.measured("submit called -> pod seen", to_pod);
        report.measured("submit acknowledged -> pod seen", acknowledged_to_pod);
        report.limit("bare POST of such a pod: called -> pod seen", bare_seen);
        report.limit("bare POST of such a pod: called -> answered", bare_post);
        report.ratio("to a bare POST, seen", to_pod, bare_seen);
        report.bar("p50 of submit called -> pod seen", to_pod.percentile(50), 20, "ms");
        report.bar("p99 of submit called -> pod seen", to_pod.percentile(99), 60, "ms");

        bench.cluster().delete_bare_pods();
        bench.cancel_all(ids);
        bench.events().wait_count(JobCancelled::type, ids.size(), 120s);
      });
}
