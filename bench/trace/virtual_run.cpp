#include "bench/trace/virtual_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <random>

#include "bench/support/must.hpp"
#include "scheduler/plan/decide.hpp"
#include "scheduler/plan/durations.hpp"
#include "scheduler/plan/project.hpp"

namespace oppen::bench {
namespace {

// The least that is enough of 5, 15, 30 minutes, 1, 2, 4, 8, 12 hours, and whole days.
std::int64_t as_people_say(double seconds) {
  for (const int minutes : {5, 15, 30, 60, 120, 240, 480, 720}) {
    if (seconds <= minutes * 60) return minutes * 60;
  }
  return static_cast<std::int64_t>(std::ceil(seconds / 86'400)) * 86'400;
}

class VirtualRun {
 public:
  VirtualRun(const std::vector<TraceJob>& jobs, const plan::Amounts& room, const Planning& planning)
      : jobs_(jobs), planning_(planning), estimates_(jobs.size()), starts_(jobs.size()) {
    capacity_.max_concurrent_jobs = std::numeric_limits<int>::max();
    capacity_.quotas = {{"cluster",
                         "",
                         {{"gpus", room.gpus},
                          {"cpu_millicores", room.cpu_millicores},
                          {"memory_bytes", room.memory_bytes}},
                         {}}};
  }

  std::vector<TraceStart> follow() {
    std::size_t next = 0;
    while (next < jobs_.size() || !running_.empty()) {
      now_ = Time::max();
      if (next < jobs_.size()) now_ = jobs_[next].arrives;
      for (const auto job : running_) now_ = std::min(now_, end_of(job));
      std::erase_if(running_, [this](std::size_t job) { return ended(job); });
      launch();
      // One after the other, each told of those before it.
      for (; next < jobs_.size() && jobs_[next].arrives <= now_; ++next) {
        estimates_[next] = durations_.estimate(jobs_[next].spec, planning_.limits_tell, policy_);
        waiting_.push_back(next);
        starts_[next].told_p90 = expected_start();
        launch();
        starts_[next].waited = !waiting_.empty() && waiting_.back() == next;
      }
    }
    if (!waiting_.empty()) give_up("replaying the trace", "jobs wait that nothing runs before");
    return std::move(starts_);
  }

 private:
  Time end_of(std::size_t job) const {
    return after(starts_[job].at, std::min(jobs_[job].run_seconds,
                                           static_cast<double>(jobs_[job].max_runtime_seconds)));
  }
  Time ends_by(std::size_t job) const {
    return starts_[job].at + std::chrono::seconds(jobs_[job].max_runtime_seconds);
  }

  bool ended(std::size_t job) {
    if (end_of(job) > now_) return false;
    durations_.observe(jobs_[job].spec, planning_.limits_tell, "", jobs_[job].run_seconds);
    auto& taken = capacity_.ours[static_cast<std::size_t>(Priority::normal)];
    const auto& amounts = jobs_[job].amounts;
    taken.pods -= amounts.pods;
    taken.gpus -= amounts.gpus;
    taken.cpu_millicores -= amounts.cpu_millicores;
    taken.memory_bytes -= amounts.memory_bytes;
    return true;
  }

  void launch() {
    std::vector<plan::WaitingJob> in_order;
    for (const auto job : waiting_)
      in_order.push_back(
          {Priority::normal, jobs_[job].amounts, false, jobs_[job].max_runtime_seconds});
    std::vector<plan::LiveAttempt> live;
    for (const auto job : running_)
      live.push_back({Priority::normal, jobs_[job].amounts, ends_by(job)});
    auto chosen = plan::decide(in_order, live, capacity_, now_, planning_.backfill).launch;
    for (const auto index : chosen) {
      const auto job = waiting_[index];
      starts_[job].at = now_;
      running_.push_back(job);
      capacity_.ours[static_cast<std::size_t>(Priority::normal)] += jobs_[job].amounts;
    }
    std::sort(chosen.rbegin(), chosen.rend());
    for (const auto index : chosen)
      waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(index));
  }

  // Of the last that waits, with what is known now.
  Time expected_start() const {
    std::vector<plan::Waiting> waiting;
    for (const auto job : waiting_) {
      const auto& estimate = estimates_[job];
      plan::Waiting one;
      one.amounts = jobs_[job].amounts;
      one.p50_seconds = static_cast<float>(estimate.p50_seconds);
      one.spread = static_cast<float>(estimate.spread);
      one.doubt = static_cast<float>(estimate.doubt);
      one.max_runtime_seconds = static_cast<std::uint32_t>(jobs_[job].max_runtime_seconds);
      waiting.push_back(one);
    }
    std::vector<plan::Running> running;
    for (const auto job : running_) {
      const auto& estimate = estimates_[job];
      running.push_back({Priority::normal, jobs_[job].amounts,
                         static_cast<float>(estimate.p50_seconds),
                         static_cast<float>(estimate.spread), static_cast<float>(estimate.doubt),
                         starts_[job].at, starts_[job].at, ends_by(job)});
    }
    plan::View view;
    view.now = now_;
    view.backfill = planning_.backfill;
    view.capacity = capacity_;
    view.running = running;
    view.waiting = waiting;
    return plan::project(view, waiting.size() - 1, waiting.size())
        .front()
        .start_p90.value_or(Time());
  }

  const std::vector<TraceJob>& jobs_;
  const Planning planning_;
  const plan::Policy policy_;
  plan::Durations durations_;
  plan::Capacity capacity_;
  Time now_{};
  std::deque<std::size_t> waiting_;
  std::vector<std::size_t> running_;
  std::vector<plan::Estimate> estimates_;  // as each was submitted
  std::vector<TraceStart> starts_;
};

}  // namespace

bool fits_a_node(const TracePod& pod) {
  return !plan::never_fits(plan::amounts_of(pod.resources), Priority::normal, {}, {}, {trace_node});
}

std::vector<TraceJob> jobs_of(const std::vector<TracePod>& pods) {
  std::mt19937 random(1);  // the standard says what it draws: the same everywhere
  std::vector<TraceJob> jobs;
  for (const auto& pod : pods) {
    TraceJob job;
    job.arrives = pod.arrives;
    job.run_seconds = static_cast<double>(pod.run_seconds);
    const double part = static_cast<double>(random()) / static_cast<double>(std::mt19937::max());
    job.max_runtime_seconds = as_people_say(job.run_seconds * (1 + 4 * part));
    job.amounts = plan::amounts_of(pod.resources);
    job.spec.model_type =
        fmt::format("gpus{}-share{:.0f}-cpu{}-memory{}", pod.resources.gpus,
                    1000 * pod.resources.gpu_share.value_or(0), pod.resources.cpu_millicores,
                    pod.resources.memory_bytes >> 20);
    job.spec.max_runtime_seconds = job.max_runtime_seconds;
    jobs.push_back(std::move(job));
  }
  return jobs;
}

std::vector<TraceStart> run_virtually(const std::vector<TraceJob>& jobs, const plan::Amounts& room,
                                      const Planning& planning) {
  return VirtualRun(jobs, room, planning).follow();
}

}  // namespace oppen::bench
