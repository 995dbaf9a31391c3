#pragma once
// Plays a queue through by asking `decide` at each event, with durations that are given: the slow and plain way, against which projections
// are held. One thread.
#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <random>
#include <vector>

#include "scheduler/plan/project.hpp"

namespace oppen::plan {

class Stepping {
 public:
  // What is looked at after each decision.
  struct Moment {
    Time now;
    const std::vector<std::size_t>& jobs;  // waiting and not held, by index
    const Choice& choice;
    const Capacity& before;
    const Capacity& after;
  };
  std::function<void(const Moment&)> look = [](const Moment&) {};

  // A pod that is none of the queue's attempts: somebody else's, which comes when the quotas allow it at that moment; or a stray, there from
  // the beginning. The API server charges both, and notices the end of any pod only at the next event.
  struct Stranger {
    Time comes;
    Time goes;
    bool stray = false;
    std::string priority_class;
    Amounts amounts;
  };
  std::vector<Stranger> strangers;
  // What the API server really charges now.
  std::int64_t charged(const Quota& quota, const std::string& resource,
                       const Capacity& capacity) const {
    auto counted = quota;
    counted.used.clear();
    auto sum = taken(counted, resource, capacity);
    for (const auto& pod : strangers) {
      const bool counts =
          quota.scope_priority_class.empty() || quota.scope_priority_class == pod.priority_class;
      if (pod.stray && counts) sum += amount_of(pod.amounts, resource);
    }
    return sum;
  }

  // `left`: seconds that each live attempt still runs; `seconds`: of each waiting job. `arrival`: not in the queue before.
  std::vector<std::optional<Time>> starts(const View& view, const std::vector<double>& left,
                                          const std::vector<double>& seconds,
                                          const std::vector<Time>& arrival = {}) {
    struct Live {
      LiveAttempt attempt;
      Time ends;
      std::size_t index;
    };
    const auto after = [](Time from, double length) {
      return from + std::chrono::milliseconds(static_cast<std::int64_t>(length * 1000 + 0.5));
    };
    const auto waiting = view.waiting.size();
    auto capacity = view.capacity;
    std::vector<Live> live;
    for (std::size_t i = 0; i < view.running.size(); ++i) {
      const auto& job = view.running[i];
      live.push_back(
          {{job.priority, job.amounts, job.ends_by}, after(view.now, left[i]), waiting + i});
    }
    std::vector<std::optional<Time>> started(waiting);
    std::vector<bool> ended(waiting + view.running.size());
    const auto open = [&](Time at) {
      return std::any_of(view.off_peak.begin(), view.off_peak.end(),
                         [&](const Window& w) { return w.opens <= at && at < w.closes; });
    };
    for (auto now = view.now;;) {
      const auto told = capacity;  // of the moment before, as the API server still charges it
      for (auto it = live.begin(); it != live.end();) {
        if (it->ends > now) {
          ++it;
          continue;
        }
        ended[it->index] = true;
        auto& ours = capacity.ours[static_cast<std::size_t>(it->attempt.priority)];
        ours.pods -= it->attempt.amounts.pods;
        ours.gpus -= it->attempt.amounts.gpus;
        ours.cpu_millicores -= it->attempt.amounts.cpu_millicores;
        ours.memory_bytes -= it->attempt.amounts.memory_bytes;
        it = live.erase(it);
      }
      if (!strangers.empty()) move_strangers(now, told, capacity);
      std::vector<std::size_t> indices;
      std::vector<WaitingJob> jobs;
      for (std::size_t i = 0; i < waiting; ++i) {
        const auto& job = view.waiting[i];
        if (started[i] || (!arrival.empty() && arrival[i] > now)) continue;
        bool held = job.not_before > now || job.hold == Hold::budget || job.hold == Hold::paused ||
                    (job.hold == Hold::window && !open(now));
        for (const auto on : view.dependencies.subspan(job.first_dependency, job.dependencies))
          held = held || !ended[on];
        if (held) continue;
        indices.push_back(i);
        jobs.push_back({job.priority, job.amounts, false, job.max_runtime_seconds});
      }
      std::vector<LiveAttempt> attempts;
      for (const auto& each : live) attempts.push_back(each.attempt);
      const auto choice = decide(jobs, attempts, capacity, now, view.backfill);
      const auto before = capacity;
      for (const auto i : choice.launch) {
        const auto& job = view.waiting[indices[i]];
        started[indices[i]] = now;
        capacity.ours[static_cast<std::size_t>(job.priority)] += job.amounts;
        live.push_back({{job.priority, job.amounts, after(now, job.max_runtime_seconds)},
                        after(now, seconds[indices[i]]),
                        indices[i]});
      }
      look({now, indices, choice, before, capacity});

      std::optional<Time> next;
      const auto consider = [&](Time at) {
        if (at > now && (!next || at < *next)) next = at;
      };
      for (const auto& each : live)
        consider(std::max(each.ends, now + std::chrono::milliseconds(1)));
      for (std::size_t i = 0; i < waiting; ++i) {
        consider(view.waiting[i].not_before);
        if (!arrival.empty()) consider(arrival[i]);
      }
      for (const auto& window : view.off_peak) {
        consider(window.opens);
        consider(window.closes);
      }
      for (const auto& pod : strangers) {
        consider(pod.comes);
        consider(pod.goes);
      }
      if (!next) return started;
      now = *next;
    }
  }

 private:
  void move_strangers(Time now, const Capacity& told, Capacity& capacity) {
    for (auto& quota : capacity.quotas) {
      for (const auto& [resource, hard] : quota.hard)
        quota.used[resource] = charged(quota, resource, told);
    }
    std::erase_if(strangers, [&](const Stranger& pod) { return pod.goes <= now; });
    capacity.strays = 0;
    capacity.foreign.clear();
    std::erase_if(strangers, [&](const Stranger& pod) {
      capacity.strays += pod.stray ? 1 : 0;
      if (pod.stray || pod.comes > now) return false;
      if (pod.comes == now && !admits(pod, capacity)) return true;
      capacity.foreign[pod.priority_class] += pod.amounts;
      return false;
    });
  }
  // As the API server would: by what it charges, before the next decision.
  bool admits(const Stranger& pod, Capacity& capacity) const {
    for (auto& quota : capacity.quotas) {
      if (!quota.scope_priority_class.empty() && quota.scope_priority_class != pod.priority_class)
        continue;
      for (const auto& [resource, hard] : quota.hard) {
        const auto now = std::max(charged(quota, resource, capacity), quota.used[resource]);
        if (now + amount_of(pod.amounts, resource) > hard) return false;
      }
    }
    for (auto& quota : capacity.quotas) {
      if (!quota.scope_priority_class.empty() && quota.scope_priority_class != pod.priority_class)
        continue;
      for (auto& [resource, used] : quota.used) used += amount_of(pod.amounts, resource);
    }
    return true;
  }
};

// A queue of `waiting` jobs of random shapes and priorities, and what runs before it, within random limits.
struct RandomQueue {
  std::vector<Running> running;
  std::vector<Waiting> waiting;
  std::vector<std::uint32_t> dependencies;
  std::vector<Window> off_peak;
  View view;

  RandomQueue(std::mt19937& random, std::size_t jobs, float spread) {
    const auto up_to = [&](int most) {
      return static_cast<int>(random() % static_cast<unsigned>(most + 1));
    };
    view.now = Time(std::chrono::hours(480'000));
    view.capacity.max_concurrent_jobs = 1 + up_to(9);
    view.capacity.quotas = {{"all", "", {{"gpus", 4 + up_to(6)}, {"cpu_millicores", 8000}}, {}},
                            {"low", "background", {{"gpus", 4 + up_to(2)}}, {}}};
    const auto shape = [&] { return Amounts{1, up_to(4), 500 + 500LL * up_to(3), 1 << 30}; };
    for (int i = up_to(view.capacity.max_concurrent_jobs); i > 0; --i) {
      Running job;
      job.priority = all_priorities[up_to(2)];
      job.amounts = shape();
      if (why_not(job.amounts, job.priority, view.capacity)) continue;
      view.capacity.ours[static_cast<std::size_t>(job.priority)] += job.amounts;
      job.spread = spread;
      job.p50_seconds = static_cast<float>(50 + up_to(500));
      job.started_at = view.now - std::chrono::seconds(up_to(40));
      job.ends_by = view.now + std::chrono::seconds(1000 + up_to(1000));
      running.push_back(job);
    }
    for (std::size_t i = 0; i < jobs; ++i) {
      Waiting job;
      job.priority = all_priorities[i * 3 / jobs];
      job.amounts = shape();
      job.spread = spread;
      job.p50_seconds = static_cast<float>(1 + up_to(500));
      job.max_runtime_seconds =
          static_cast<std::uint32_t>(job.p50_seconds * static_cast<float>(1 + up_to(2)));
      waiting.push_back(job);
    }
    borrow();
  }

  // Lets some of them wait for a time, for the window or for others.
  void hold_some(std::mt19937& random) {
    const auto up_to = [&](std::size_t most) { return random() % (most + 1); };
    for (int i = 0; i < 40; ++i) {
      const auto opens = view.now + std::chrono::minutes(10 + 60 * i);
      off_peak.push_back({opens, opens + std::chrono::minutes(20)});
    }
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      auto& job = waiting[i];
      const auto kind = up_to(9);
      if (kind == 0) job.not_before = view.now + std::chrono::seconds(up_to(3000));
      if (kind == 1) job.hold = Hold::window;
      if (kind == 2) job.hold = Hold::budget;
      if (kind > 4) continue;
      job.first_dependency = static_cast<std::uint32_t>(dependencies.size());
      for (auto many = up_to(2); many > 0; --many) {
        const auto on = up_to(waiting.size() + running.size() - 1);
        // Never on one that waits for others itself: there are no cycles.
        if (on < waiting.size() && (on <= i || on % 2 == 0)) continue;
        dependencies.push_back(static_cast<std::uint32_t>(on));
        ++job.dependencies;
      }
    }
    borrow();
  }

  void borrow() {
    view.running = running;
    view.waiting = waiting;
    view.dependencies = dependencies;
    view.off_peak = off_peak;
  }
};

}  // namespace oppen::plan
