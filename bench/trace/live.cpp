// The busy part of a trace, run by the scheduler itself: its pods are submitted when they came, so many times as fast, and run on a
// simulated node. Does every job end, and when it was told?
#include <fmt/format.h>

#include <algorithm>
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

// What explain tells of each job, asked of the console as soon as the job is queued, by threads of their own.
class Told {
 public:
  struct Start {
    Time p50{}, p90{};  // Time(): it was told none
  };
  struct All {
    std::unordered_map<std::string, Start> waiting;  // by job: of those that had a reason to wait
    bench::Samples delays;                           // ms, from job.queued to the answer
    std::size_t begun = 0;                           // had been launched when they were asked about
  };

  Told(bench::Bench& bench, int threads) : bench_(bench) {
    for (int i = 0; i < threads; ++i)
      threads_.emplace_back([this](const std::stop_token& stop) { ask_all(stop); });
  }

  void ask(const std::string& job_id) {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(job_id);
    changed_.notify_one();
  }

  // Once so many have been asked about.
  All finish(std::size_t jobs) {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [&] { return answered_ == jobs; });
    return std::move(all_);
  }

 private:
  void ask_all(const std::stop_token& stop) {
    bench::Ask ask(bench_.options().console_url);
    bench::Samples took;
    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stop, [this] { return !jobs_.empty(); })) {
      const auto id = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      const auto queued = bench_.events().wait(JobQueued::type, id);
      const auto answer = nlohmann::json::parse(ask("/api/v1/jobs/" + id + "/explain", took));
      const auto delay = bench::SteadyClock::now() - queued;
      lock.lock();
      ++answered_;
      all_.delays.add(delay);
      if (answer["state"] != "queued") {
        ++all_.begun;
      } else if (answer.contains("reason")) {
        all_.waiting[id] = {time_of(answer, "start_p50"), time_of(answer, "start_p90")};
      }
      idle_.notify_all();
    }
  }

  static Time time_of(const nlohmann::json& answer, const char* name) {
    if (!answer.contains(name)) return {};
    return bench::must(parse_rfc3339(answer[name].get<std::string>()), "reading an explanation");
  }

  bench::Bench& bench_;
  std::mutex mutex_;
  std::condition_variable_any changed_, idle_;
  std::deque<std::string> jobs_;
  std::size_t answered_ = 0;
  All all_;
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
  // A job asks for some memory; one pod of the trace asks for none.
  spec.resources.memory_bytes = std::max(pod.resources.memory_bytes, std::int64_t{1} << 20);
  return spec;
}

// What was seen of the run.
struct Seen {
  std::unordered_map<std::string, Time> submitted, launched;
  Told::All told;
  std::size_t succeeded = 0;
  double makespan = 0;  // seconds from the first submission to the last end
};

Seen run(bench::Bench& bench, const std::vector<bench::TracePod>& pods,
         const std::vector<bench::TraceJob>& jobs, double speed) {
  const auto in = [&](std::size_t i) {
    return std::chrono::duration<double>(bench::seconds(jobs[i].arrives - jobs[0].arrives) / speed);
  };
  fmt::print("{} jobs will come within {:.0f} s\n", jobs.size(), in(jobs.size() - 1).count());
  std::fflush(stdout);
  Seen seen;
  Told told(bench, 2);
  const auto begin = bench::SteadyClock::now();
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    std::this_thread::sleep_until(begin +
                                  std::chrono::duration_cast<bench::SteadyClock::duration>(in(i)));
    const auto spec = job_of(bench, pods[i], jobs[i], speed);
    seen.submitted[spec.job_id] = SystemClock().now();
    bench.submit_later(spec, [&told, id = spec.job_id] { told.ask(id); });
  }
  seen.told = told.finish(jobs.size());

  const auto& events = bench.events();
  const auto give_up_at = bench::SteadyClock::now() + 1h;
  while (events.count(JobSucceeded::type) + events.count(JobFailed::type) < jobs.size()) {
    if (bench::SteadyClock::now() > give_up_at)
      bench::give_up("running the trace", "after an hour some jobs have not ended");
    std::this_thread::sleep_for(100ms);
  }
  auto last = begin;
  for (const auto& event : events.events(JobSucceeded::type)) last = std::max(last, event.seen);
  seen.makespan = std::chrono::duration<double>(last - begin).count();
  seen.succeeded = events.count(JobSucceeded::type);
  for (const auto& event : events.events(JobLaunched::type))
    seen.launched.try_emplace(event.id, event.at);
  return seen;
}

void report_run(const Seen& seen, bench::Report& report) {
  const auto jobs = static_cast<double>(seen.submitted.size());
  bench::Samples waits, early;
  double mean = 0;
  int by_p50 = 0, by_p90 = 0;
  for (const auto& [id, at] : seen.launched) {
    const auto wait = bench::seconds(at - seen.submitted.at(id));
    waits.add(wait);
    mean += wait / jobs;
    const auto told = seen.told.waiting.find(id);
    if (told == seen.told.waiting.end()) continue;
    by_p50 += at <= told->second.p50;
    by_p90 += at <= told->second.p90;
    early.add(bench::seconds(told->second.p90 - at));
  }
  const auto waited = static_cast<double>(seen.told.waiting.size());
  const auto percent = [&](int part) { return waited == 0 ? 100.0 : 100.0 * part / waited; };
  report.bar_at_least("jobs that succeeded", static_cast<double>(seen.succeeded), jobs, "jobs");
  report.measured("submission to launch, mean", mean, "s");
  report.measured("submission to launch", waits, "s");
  report.measured("from the first submission to the last end", seen.makespan, "s");
  report.measured("job.queued to the answer of explain", seen.told.delays);
  report.measured("jobs that had been launched before they were asked about",
                  static_cast<double>(seen.told.begun), "jobs");
  report.measured("jobs that were told a reason to wait", waited, "jobs");
  report.bar_at_least("of these, launched by the p90 that they were told", percent(by_p90), 85,
                      "%");
  report.measured("of these, launched by the p50 that they were told", percent(by_p50), "%");
  report.measured("so long before the p90 that they were told", early, "s");
}

void report_bounds(const std::vector<bench::TraceJob>& jobs, const plan::Amounts& room,
                   double speed, bench::Report& report) {
  std::vector<Time> planned;
  for (const auto& start : bench::run_virtually(jobs, room, {.backfill = true}))
    planned.push_back(start.at);
  report.measured("mean wait by the same planning", bench::outcome(jobs, planned).mean_wait / speed,
                  "s");
  const auto listed = [&](bench::ListOrder order) {
    return bench::outcome(jobs, bench::list_schedule(jobs, room, order));
  };
  report.measured("mean wait of a list scheduler that knows all run times, shortest first",
                  listed(bench::ListOrder::shortest_first).mean_wait / speed, "s");
  report.measured("makespan of the same, longest first",
                  listed(bench::ListOrder::longest_first).makespan / speed, "s");
  report.measured("makespan that no schedule can beat",
                  bench::seconds(bench::earliest_end(jobs, room) - jobs.front().arrives) / speed,
                  "s");
}

void measure(bench::Bench& bench, bench::Report& report, const std::string& path,
             std::int64_t nodes, double speed) {
  auto trace = bench::must(bench::read_pod_trace(path), "reading the trace");
  std::erase_if(trace, [](const bench::TracePod& pod) { return !bench::fits_a_node(pod); });
  if (trace.empty()) bench::give_up("reading the trace", "no pod in it fits on a node");
  const auto pods = busy_part(std::move(trace));
  const auto jobs = bench::jobs_of(pods);
  bench.cluster().set_policy("backfill_enabled", "true");
  bench.cluster().set_policy("launch_timeout_seconds", "30");
  bench.set_max_concurrent_jobs(100'000);
  const auto seen = run(bench, pods, jobs, speed);

  report.claim("trace-live",
               fmt::format("{} of these pods, {} times as fast, run by the scheduler with backfill",
                           jobs.size(), speed));
  report_run(seen, report);
  report.claim("trace-live-bounds",
               "what these stand beside, in virtual time: launching and ending take none");
  const auto node = bench::trace_node;
  report_bounds(jobs,
                {0, nodes * node.gpus, nodes * node.cpu_millicores, nodes * node.memory_bytes},
                speed, report);
}

}  // namespace

int main(int argc, char** argv) {
  std::string trace;
  std::int64_t nodes = 7, speed = 5'000;
  return bench::run_bench(
      argc, argv, "Has the scheduler run a trace of pods.",
      [&](bench::Bench& bench, bench::Report& report) {
        measure(bench, report, trace, nodes, static_cast<double>(speed));
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
