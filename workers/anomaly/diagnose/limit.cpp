#include "workers/anomaly/diagnose/limit.hpp"

#include <algorithm>
#include <cmath>

#include "scheduler/plan/project.hpp"

namespace oppen::anomaly {
namespace {

constexpr std::chrono::hours ahead{24};
constexpr double shortest_run = 60;  // seconds; bounds how often a job comes again
constexpr std::size_t most_waiting = 10'000;

double run_seconds(const JobAhead& job) { return std::max(shortest_run, job.seconds); }

// Of a run from `start` on, in the stretch that is looked at.
double dollars_within(const JobAhead& job, Time start, Time now) {
  const auto end = start + std::chrono::milliseconds(std::llround(run_seconds(job) * 1000));
  const auto from = std::max(start, now), until = std::min(end, now + ahead);
  if (until <= from) return 0;
  return job.dollars * std::chrono::duration<double>(until - from).count() / run_seconds(job);
}

double projected(const std::vector<JobAhead>& running, const std::vector<JobAhead>& waiting,
                 int limit, Time now) {
  plan::View view;
  view.now = now;
  view.capacity.max_concurrent_jobs = limit;
  std::vector<plan::Running> live;
  double dollars = 0;
  for (const auto& job : running) {
    auto& one = live.emplace_back();
    one.priority = job.priority;
    one.amounts = {.pods = 1};
    one.p50_seconds = static_cast<float>(run_seconds(job));
    one.launched_at = one.started_at = *job.started;
    one.ends_by = Time::max();
    view.capacity.ours[static_cast<std::size_t>(job.priority)] += one.amounts;
    dollars += dollars_within(job, *job.started, now);
  }
  std::vector<plan::Waiting> queue;
  for (const auto& job : waiting) {
    auto& one = queue.emplace_back();
    one.priority = job.priority;
    one.amounts = {.pods = 1};
    one.p50_seconds = static_cast<float>(run_seconds(job));
  }
  view.running = live;
  view.waiting = queue;
  const auto expected = plan::project(view, 0, queue.size());
  for (std::size_t i = 0; i < queue.size(); ++i)
    if (expected[i].start_p50) dollars += dollars_within(waiting[i], *expected[i].start_p50, now);
  return dollars;
}

}  // namespace

double saved_by_limit(const std::vector<JobAhead>& jobs, int limit, Time now) {
  std::vector<JobAhead> running, waiting;
  for (const auto& job : jobs)
    if (job.started || waiting.size() < most_waiting)
      (job.started ? running : waiting).push_back(job);
  // In turns, until the day is full.
  const auto runs = running.size();
  std::vector<double> filled(runs, 0);
  for (bool more = true; more && waiting.size() < most_waiting;) {
    more = false;
    for (std::size_t i = 0; i < runs; ++i) {
      if (filled[i] >= std::chrono::duration<double>(ahead).count()) continue;
      filled[i] += run_seconds(running[i]);
      auto again = running[i];
      again.started.reset();
      waiting.push_back(again);
      more = true;
    }
  }
  std::stable_sort(waiting.begin(), waiting.end(),
                   [](const auto& a, const auto& b) { return a.priority < b.priority; });
  const auto now_parallel = static_cast<int>(runs);
  if (limit >= now_parallel) return 0;
  return std::max(0.0, projected(running, waiting, now_parallel, now) -
                           projected(running, waiting, limit, now));
}

}  // namespace oppen::anomaly
