#include "bench/trace/bounds.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <queue>
#include <set>

namespace oppen::bench {
namespace {

constexpr std::int64_t plan::Amounts::*resources[] = {
    &plan::Amounts::gpus, &plan::Amounts::cpu_millicores, &plan::Amounts::memory_bytes};

}  // namespace

Outcome outcome(const std::vector<TraceJob>& jobs, const std::vector<Time>& starts) {
  Outcome of;
  Time last{};
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const auto wait = seconds(starts[i] - jobs[i].arrives);
    of.mean_wait += wait / static_cast<double>(jobs.size());
    of.waits.add(wait);
    last = std::max(last, after(starts[i], jobs[i].run_seconds));
  }
  of.makespan = seconds(last - jobs.front().arrives);
  return of;
}

Time earliest_end(const std::vector<TraceJob>& jobs, const plan::Amounts& room) {
  Time end{};
  double work[std::size(resources)] = {};
  for (auto job = jobs.rbegin(); job != jobs.rend(); ++job) {
    end = std::max(end, after(job->arrives, job->run_seconds));
    for (std::size_t i = 0; i < std::size(resources); ++i) {
      work[i] += job->run_seconds * static_cast<double>(job->amounts.*resources[i]);
      end = std::max(end, after(job->arrives, work[i] / static_cast<double>(room.*resources[i])));
    }
  }
  return end;
}

std::vector<Time> list_schedule(const std::vector<TraceJob>& jobs, const plan::Amounts& room,
                                ListOrder order) {
  const auto earlier = [&](std::size_t a, std::size_t b) {
    const auto by_length = order == ListOrder::shortest_first
                               ? jobs[a].run_seconds <=> jobs[b].run_seconds
                               : jobs[b].run_seconds <=> jobs[a].run_seconds;
    return by_length != 0 ? by_length < 0 : a < b;
  };
  std::set<std::size_t, decltype(earlier)> list(earlier);
  using End = std::pair<Time, std::size_t>;
  std::priority_queue<End, std::vector<End>, std::greater<>> running;
  std::vector<Time> starts(jobs.size());
  auto free = room;
  for (std::size_t next = 0; next < jobs.size() || !running.empty();) {
    Time now = Time::max();
    if (next < jobs.size()) now = jobs[next].arrives;
    if (!running.empty()) now = std::min(now, running.top().first);
    for (; !running.empty() && running.top().first <= now; running.pop()) {
      for (const auto resource : resources)
        free.*resource += jobs[running.top().second].amounts.*resource;
    }
    for (; next < jobs.size() && jobs[next].arrives <= now; ++next) list.insert(next);
    for (auto at = list.begin(); at != list.end();) {
      const auto& job = jobs[*at];
      const bool fits = std::all_of(std::begin(resources), std::end(resources), [&](auto resource) {
        return job.amounts.*resource <= free.*resource;
      });
      if (!fits) {
        ++at;
        continue;
      }
      for (const auto resource : resources) free.*resource -= job.amounts.*resource;
      starts[*at] = now;
      running.emplace(after(now, job.run_seconds), *at);
      at = list.erase(at);
    }
  }
  return starts;
}

}  // namespace oppen::bench
