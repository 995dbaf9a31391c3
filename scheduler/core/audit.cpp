#include "scheduler/core/audit.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <unordered_set>

#include "scheduler/queue/keys.hpp"
#include "workers/runtime/log.hpp"

namespace oppen::core {
namespace {

using namespace std::chrono_literals;

constexpr int pages_a_look = 250;
constexpr int live_page = 100;

// Between two pages, so that nobody waits for Redis longer than one takes. false: stopped.
std::function<bool()> rest_until(std::stop_token stop) {
  return [stop] {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, 5ms, [] { return false; });
    return !stop.stop_requested();
  };
}

Sums of_queue(const queue::Counters& counters, Priority priority) {
  Sums sums;
  for (const auto* kind : {"queued", "queued_cost", "queued_time"}) {
    const auto name = std::string(kind) + ":" + std::string(to_string(priority));
    sums[name] = sums_of(counters).at(name);
  }
  return sums;
}

}  // namespace

void QueueWalk::begin(Priority priority) {
  priority_ = priority;
  set_ = 0;
  after_ = -1;
  before_.clear();
  changed_ = false;
  seen_ = of_queue({}, priority);
}

Status QueueWalk::go_on(int pages, const std::function<bool()>& rest, std::vector<Drift>& drifts) {
  int queues = 0;
  for (int page = 0; page < pages && queues < 3; ++page) {
    if (before_.empty()) begin(priority_);
    const auto found = redis_.queued(priority_, queue::waiting_sets[set_], after_, page_size);
    if (!found) return fail(found.error());
    const auto sums = of_queue(found->counters, priority_);
    if (before_.empty()) before_ = sums;
    changed_ = changed_ || before_ != sums;
    const std::string name(to_string(priority_));
    for (const auto& member : found->members) {
      check_queued(member, priority_, drifts);
      after_ = member.place;
      seen_["queued:" + name] += 1;
      const auto header = queue::read_header(member.header);
      if (!header) continue;
      seen_["queued_cost:" + name] += header->cost.value;
      seen_["queued_time:" + name] += header->milliseconds;
    }
    keep_some(drifts);
    if (found->members.size() < page_size) {
      if (++set_ < std::size(queue::waiting_sets)) {
        after_ = -1;
        continue;
      }
      ++queues;
      if (!changed_) compare_sums(seen_, before_, {}, true, drifts);
      begin(priority_ == Priority::urgent   ? Priority::normal
            : priority_ == Priority::normal ? Priority::background
                                            : Priority::urgent);
    }
    if (!rest()) return {};
  }
  return {};
}

Result<std::vector<Drift>> Audit::look(std::stop_token stop) {
  std::vector<Drift> drifts;
  const auto rest = rest_until(stop);
  const auto belief = sources_.believed();
  if (!belief) return drifts;
  const auto totals = sources_.redis.totals();
  if (!totals) return fail(totals.error());
  const auto still = sources_.believed();
  // Another leads by now: what this process believes is of no interest any more.
  if (!still || totals->epoch != std::to_string(sources_.epoch)) return drifts;

  const auto believed = sums_of(belief->counters);
  compare_sums(sums_of(belief->live, belief->counters), believed, belief->live, false, drifts);
  const auto in_redis = sums_of(totals->counters);
  // When nothing was committed in between, Redis must hold what the last commit left. What was set right there by hand the leader takes
  // over with its next commit: until then it believes something wrong that hides nothing else.
  if (believed == sums_of(still->counters)) {
    std::vector<Drift> there;
    compare_sums(sums_of(belief->live, totals->counters), in_redis, belief->live, false, there);
    for (auto& drift : there) {
      const bool known = std::any_of(drifts.begin(), drifts.end(), [&](const Drift& one) {
        return one.sighting() == drift.sighting();
      });
      if (!known) drifts.push_back(std::move(drift));
    }
  }
  Sums sizes;
  for (const auto priority : all_priorities) {
    sizes["queued:" + std::string(to_string(priority))] =
        totals->queued[static_cast<std::size_t>(priority)];
  }
  compare_sums(sizes, in_redis, {}, true, drifts);
  if (auto status = check_live(*still, rest, drifts); !status) return fail(status.error());
  if (auto status = walk_.go_on(pages_a_look, rest, drifts); !status) return fail(status.error());
  if (stop.stop_requested()) return std::vector<Drift>();
  check_pods(*still, drifts);
  return drifts;
}

Status Audit::check_live(const Belief& belief, const std::function<bool()>& rest,
                         std::vector<Drift>& drifts) {
  std::unordered_map<std::string, const LiveView*> followed;
  for (const auto& view : belief.live) followed[view.job_id] = &view;
  std::int64_t after = -1;
  for (;;) {
    const auto page = sources_.redis.live(after, live_page);
    if (!page) return fail(page.error());
    for (const auto& member : page->members) {
      after = member.place;
      const auto view = followed.find(member.job_id);
      core::check_live(member, view == followed.end() ? nullptr : view->second, drifts);
      if (view != followed.end()) followed.erase(view);
    }
    keep_some(drifts);
    if (page->members.size() < live_page || !rest()) break;
  }
  for (const auto& [job_id, view] : followed) {
    drifts.push_back({"live",
                      "job " + job_id,
                      "a live attempt in Redis",
                      "one that the leader alone follows",
                      {job_id},
                      false});
  }
  return {};
}

void Audit::check_pods(const Belief& belief, std::vector<Drift>& drifts) {
  const auto before = sources_.survey.quotas();
  PodComparison pods(belief.live, sources_.clock.now());
  const auto read = before ? sources_.survey.pods([&](const kube::Pod& pod) { pods.add(pod); })
                           : fail(before.error());
  const auto after = read ? sources_.survey.quotas() : fail(read.error());
  if (!after) return spdlog::debug("the audit leaves out the pods: {}", after.error().message);
  pods.finish(drifts);
  pods.finish_quotas(*before, *after, drifts);
  keep_some(drifts);
}

}  // namespace oppen::core
