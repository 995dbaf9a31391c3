// The busy part of a trace, run by the scheduler itself: its pods are submitted when they came, so many times as fast, and run on a
// simulated node. Does every job end, and when it was told?
#include <fmt/format.h>

#include <atomic>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>
#include <unordered_map>

#include "bench/plan/ask.hpp"
#include "bench/support/bench.hpp"
#include "bench/support/must.hpp"
#include "bench/trace/bounds.hpp"
#include "schemas/job_events.hpp"

namespace {

using namespace oppen;
using namespace std::chrono_literals;

// What is on the way, beside the pod's own time: launching and noticing its end.
constexpr double overhead_seconds = 3;

// From where on nobody was away for a day; who runs then is submitted at once, with what is left of the run.
std::vector<bench::TracePod> busy_part(std::vector<bench::TracePod> pods) {
  auto begin = pods.size();
  while (begin > 1 && pods[begin - 1].arrives - pods[begin - 2].arrives < std::chrono::days(1))
    --begin;
  const auto start = pods[begin - 1].arrives;
  std::vector<bench::TracePod> busy;
  for (auto& pod : pods) {
    const auto late = std::chrono::duration_cast<std::chrono::seconds>(start - pod.arrives).count();
    if (late > 0) {
      if (late >= pod.run_seconds) continue;
      pod.run_seconds -= late;
      pod.arrives = start;
    }
    busy.push_back(pod);
  }
  return busy;
}

// What each job was told: asked of the console as soon as the job is queued, by threads of their own.
class Told {
 public:
  Told(bench::Bench& bench, int threads) : bench_(bench) {
    for (int i = 0; i < threads; ++i)
      threads_.emplace_back([this](const std::stop_token& stop) { ask_all(stop); });
  }

  void ask(const std::string& job_id) {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(job_id);
    changed_.notify_one();
  }

  // By job: the start by which nine of ten should have begun. Absent: it had begun when it was asked about.
  std::unordered_map<std::string, Time> finish() {
    {
      std::unique_lock lock(mutex_);
      idle_.wait(lock, [this] { return jobs_.empty() && asking_ == 0; });
    }
    threads_.clear();
    return std::move(told_);
  }

 private:
  void ask_all(const std::stop_token& stop) {
    bench::Ask ask(bench_.options().console_url);
    bench::Samples took;
    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stop, [this] { return !jobs_.empty(); })) {
      const auto id = std::move(jobs_.front());
      jobs_.pop_front();
      ++asking_;
      lock.unlock();
      bench_.events().wait(JobQueued::type, id);
      const auto answer = nlohmann::json::parse(ask("/api/v1/jobs/" + id + "/explain", took));
      lock.lock();
      --asking_;
      if (answer.contains("start_p90")) {
        told_[id] = bench::must(parse_rfc3339(answer["start_p90"].get<std::string>()),
                                "reading an explanation");
      } else if (answer["state"] == "queued") {
        told_[id] = Time{};  // it was told nothing, which nothing keeps
      }
      idle_.notify_all();
    }
  }

  bench::Bench& bench_;
  std::mutex mutex_;
  std::condition_variable_any changed_, idle_;
  std::deque<std::string> jobs_;
  int asking_ = 0;
  std::unordered_map<std::string, Time> told_;
  std::vector<std::jthread> threads_;  // last: they use the others
};

JobSpec job_of(const bench::Bench& bench, const bench::TracePod& pod, const bench::TraceJob& job,
               double speed) {
  auto spec = bench.job(fmt::format("{}ms", std::llround(job.run_seconds / speed * 1000)));
  spec.model_type = job.spec.model_type;
  spec.max_runtime_seconds = std::llround(
      std::ceil(static_cast<double>(job.max_runtime_seconds) / speed + overhead_seconds));
  spec.resources.gpus = pod.resources.gpus;
  if (pod.resources.gpu_share) {
    spec.resources.gpus.reset();
    spec.resources.gpu_share = pod.resources.gpu_share;
  }
  spec.resources.cpu_millicores = pod.resources.cpu_millicores;
  spec.resources.memory_bytes = pod.resources.memory_bytes;
  return spec;
}

void measure(bench::Bench& bench, bench::Report& report, const std::string& path,
             std::int64_t nodes, std::int64_t speed) {
  auto trace = bench::must(bench::read_pod_trace(path), "reading the trace");
  std::erase_if(trace, [](const bench::TracePod& pod) { return !bench::fits_a_node(pod); });
  const auto pods = busy_part(std::move(trace));
  const auto jobs = bench::jobs_of(pods);
  if (jobs.empty()) bench::give_up("reading the trace", "no pod in it fits on a node");
  bench.cluster().set_policy("backfill_enabled", "true");
  bench.cluster().set_policy("launch_timeout_seconds", "30");
  bench.set_max_concurrent_jobs(100'000);

  const auto fast = static_cast<double>(speed);
  const auto in = [&](std::size_t i) {
    return std::chrono::duration<double>(bench::seconds(jobs[i].arrives - jobs[0].arrives) / fast);
  };
  fmt::print("{} jobs will come within {:.0f} s\n", jobs.size(), in(jobs.size() - 1).count());
  std::fflush(stdout);
  Told told(bench, 2);
  std::unordered_map<std::string, Time> submitted;
  const auto begin = bench::SteadyClock::now();
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    std::this_thread::sleep_until(begin +
                                  std::chrono::duration_cast<bench::SteadyClock::duration>(in(i)));
    const auto spec = job_of(bench, pods[i], jobs[i], fast);
    submitted[spec.job_id] = SystemClock().now();
    bench.submit_later(spec, [&told, id = spec.job_id] { told.ask(id); });
  }
  const auto promises = told.finish();
  bench.events().wait_count(JobSucceeded::type, jobs.size(), 1h);
  const auto makespan = std::chrono::duration<double>(bench::SteadyClock::now() - begin).count();

  bench::Samples waits;
  double mean = 0;
  std::size_t kept = 0;
  for (const auto& event : bench.events().events(JobLaunched::type)) {
    const auto wait = bench::seconds(event.at - submitted.at(event.id));
    waits.add(wait);
    mean += wait / static_cast<double>(jobs.size());
    const auto promise = promises.find(event.id);
    kept += promise != promises.end() && event.at <= promise->second;
  }
  const auto waited = promises.size();
  const auto percent = [](std::size_t part, std::size_t all) {
    return all == 0 ? 100.0 : 100.0 * static_cast<double>(part) / static_cast<double>(all);
  };
  report.claim("trace-live",
               fmt::format("{} of these pods, {} times as fast, run by the scheduler with backfill",
                           jobs.size(), speed));
  report.bar_at_least("jobs that succeeded",
                      static_cast<double>(bench.events().count(JobSucceeded::type)),
                      static_cast<double>(jobs.size()), "jobs");
  report.measured("submission to launch, mean", mean, "s");
  report.measured("submission to launch", waits, "s");
  report.measured("from the first submission to the last end", makespan, "s");
  report.measured("jobs that still waited when explain was asked", static_cast<double>(waited),
                  "jobs");
  report.bar_at_least("of these, launched by the p90 that it told", percent(kept, waited), 85, "%");
  report.bar_at_least("of all", percent(kept + jobs.size() - waited, jobs.size()), 85, "%");

  report.claim(
      "trace-live-bounds",
      "what these stand beside, so many times as fast, if launching and ending took no time");
  const auto node = bench::trace_node;
  const plan::Amounts room{0, nodes * node.gpus, nodes * node.cpu_millicores,
                           nodes * node.memory_bytes};
  std::vector<Time> planned;
  for (const auto& start : bench::run_virtually(jobs, room, {.backfill = true}))
    planned.push_back(start.at);
  report.measured("mean wait of the same planning in virtual time",
                  bench::outcome(jobs, planned).mean_wait / fast, "s");
  const auto listed = [&](bench::ListOrder order) {
    return bench::outcome(jobs, bench::list_schedule(jobs, room, order));
  };
  report.measured("mean wait of a list scheduler that knows all run times, shortest first",
                  listed(bench::ListOrder::shortest_first).mean_wait / fast, "s");
  report.measured("makespan of the same, longest first",
                  listed(bench::ListOrder::longest_first).makespan / fast, "s");
  report.measured("makespan that no schedule can beat",
                  bench::seconds(bench::earliest_end(jobs, room) - jobs.front().arrives) / fast,
                  "s");
}

}  // namespace

int main(int argc, char** argv) {
  std::string trace;
  std::int64_t nodes = 7, speed = 5'000;
  return bench::run_bench(
      argc, argv, "Has the scheduler run a trace of pods.",
      [&](bench::Bench& bench, bench::Report& report) {
        measure(bench, report, trace, nodes, speed);
      },
      [&](runtime::Settings& settings) {
        settings.add(
            trace,
            {.name = "trace", .help = "Pods, as openb_pod_list.csv has them.", .unit = "FILE"});
        settings.add(nodes, {.name = "nodes",
                             .help = "Nodes of 8 GPUs, whose room the simulated node has.",
                             .min = 1,
                             .max = 999});
        settings.add(speed, {.name = "speed",
                             .help = "Seconds of the trace that pass in one.",
                             .min = 1,
                             .max = 100'000});
      });
}
