// What a queued job costs in Redis: used_memory before and after 10,000 have been queued, and what
// it is made of.
#include <charconv>

#include "bench/support/bench.hpp"
#include "bench/support/must.hpp"
#include "scheduler/queue/keys.hpp"
#include "schemas/job_events.hpp"

namespace {

using namespace oppen;
using namespace std::chrono_literals;

// A line of INFO memory.
double info(bench::Bench& bench, const std::string& name) {
  const auto text = bench::must(bench.redis().command({"INFO", "memory"}), "asking Redis").text;
  const auto found = text.find("\n" + name + ":");
  if (found == std::string::npos) bench::give_up("asking Redis", "INFO memory has no " + name);
  return std::atof(text.c_str() + found + name.size() + 2);
}

double memory_usage(bench::Bench& bench, const std::string& key) {
  return static_cast<double>(
      bench::must(bench.redis().command({"MEMORY", "USAGE", key, "SAMPLES", "0"}), "asking Redis")
          .integer);
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_bench(
      argc, argv, "Measures the memory that a queued job takes in Redis.",
      [](bench::Bench& bench, bench::Report& report) {
        const auto prefix = queue::key_prefix(bench.options().common.topic_prefix);
        constexpr int jobs = 10'000;
        bench.hold_queue();
        // What the hold left behind is written first; then nothing but the jobs comes.
        bench.wait_outbox_empty();
        const double before = info(bench, "used_memory");
        std::vector<JobSpec> submitted;
        std::vector<std::string> ids;
        for (int i = 0; i < jobs; ++i) {
          submitted.push_back(bench.job());
          ids.push_back(submitted.back().job_id);
        }
        const auto queued_before = bench.events().count(JobQueued::type);
        bench.submit_all(submitted);
        bench.events().wait_count(JobQueued::type, queued_before + jobs, 120s);
        bench.wait_outbox_empty();
        const double each = (info(bench, "used_memory") - before) / jobs;
        const auto one = memory_usage(bench, prefix + "job:" + ids[jobs / 2]);
        const auto order = memory_usage(bench, prefix + "queue:n") / jobs;
        const auto record = static_cast<double>(
            bench::must(bench.redis().command({"STRLEN", prefix + "job:" + ids[jobs / 2]}),
                        "asking Redis")
                .integer);

        report.claim(
            "redis-memory",
            "used_memory of Redis per queued job, over 10,000 typical ones submitted singly");
        report.measured("used_memory per queued job", each, "bytes");
        report.measured("of that: MEMORY USAGE of one job's key", one, "bytes");
        report.measured("of that: the priority's sorted set, per job", order, "bytes");
        report.measured("the rest: key table, outbox, clients, per job", each - one - order,
                        "bytes");
        report.measured("the record itself, as text", record, "bytes");
        report.bar("used_memory per queued job", each, 1024, "bytes");

        bench.cancel_all(ids);
        bench.events().wait_count(JobCancelled::type, jobs, 120s);
        bench.release_queue(1);
      });
}
