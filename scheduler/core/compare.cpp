#include "scheduler/core/compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "scheduler/kube/pod_manifest.hpp"
#include "scheduler/plan/decide.hpp"
#include "scheduler/queue/keys.hpp"

namespace oppen::core {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t ids_named = 10;

std::string of(const char* kind, Priority priority) {
  return fmt::format("{}:{}", kind, to_string(priority));
}

void add_usage(Sums& sums, Priority priority, const plan::Amounts& amounts) {
  sums[of("slots", priority)] += amounts.pods;
  sums[of("gpus", priority)] += amounts.gpus;
  sums[of("cpu", priority)] += amounts.cpu_millicores;
  sums[of("memory", priority)] += amounts.memory_bytes;
}

std::string state_key(Priority priority, JobState state) {
  return fmt::format("states:{}:{}", to_string(priority), to_string(state));
}

constexpr JobState live_states[] = {JobState::launching, JobState::running, JobState::cancelling};

}  // namespace

LiveView view_of(const queue::JobRecord& record) {
  return {
      record.spec.job_id,   record.version, record.state,
      record.priority,      record.attempt, record.amounts(),
      record.launched,      record.pod_uid, queue::pair_of(record.spec.team, record.spec.project),
      record.estimated_cost};
}

Sums sums_of(const queue::Counters& counters) {
  Sums sums;
  for (const auto priority : all_priorities) {
    const auto index = static_cast<std::size_t>(priority);
    add_usage(sums, priority, counters.usage[index]);
    for (const auto state : live_states) {
      const auto& jobs = counters.jobs_by_priority[index];
      const auto found = jobs.find(state);
      sums[state_key(priority, state)] = found == jobs.end() ? 0 : found->second;
    }
    sums[of("queued", priority)] = counters.queued[index];
    sums[of("queued_cost", priority)] = counters.pending_cost[index].value;
    sums[of("queued_time", priority)] = std::llround(counters.pending_seconds[index] * 1000);
  }
  for (const auto& [pair, cost] : counters.committed) sums["committed:" + pair] = cost.value;
  return sums;
}

Sums sums_of(const std::vector<LiveView>& live, const queue::Counters& beside) {
  Sums sums;
  for (const auto& [pair, cost] : beside.committed) sums["committed:" + pair] = 0;
  for (const auto priority : all_priorities) {
    add_usage(sums, priority, {});
    for (const auto state : live_states) sums[state_key(priority, state)] = 0;
  }
  for (const auto& view : live) {
    add_usage(sums, view.priority, view.amounts);
    sums[state_key(view.priority, view.state)] += 1;
    if (view.cost.value != 0) sums["committed:" + view.pair] += view.cost.value;
  }
  return sums;
}

void compare_sums(const Sums& expected, const Sums& found, const std::vector<LiveView>& live,
                  bool sure, std::vector<Drift>& drifts) {
  for (const auto& [name, value] : expected) {
    const auto other = found.find(name);
    const auto counted = other == found.end() ? 0 : other->second;
    if (counted == value) continue;
    const auto colon = name.find(':');
    Drift drift{name.substr(0, colon),
                name.substr(colon + 1),
                std::to_string(value),
                std::to_string(counted),
                {},
                sure};
    for (const auto& view : live) {
      if (drift.ids.size() == ids_named) break;
      if (drift.subject.starts_with(to_string(view.priority))) drift.ids.push_back(view.job_id);
    }
    drifts.push_back(std::move(drift));
  }
}

void check_queued(const Member& member, Priority priority, std::vector<Drift>& drifts) {
  const auto header = queue::read_header(member.header);
  std::string found;
  if (!header) {
    found = member.header.empty() ? "no record" : "a record that can't be read";
  } else if (header->state != JobState::queued) {
    found = fmt::format("state {} in the record", to_string(header->state));
  } else if (header->priority != priority) {
    found = fmt::format("priority {} in the record", to_string(header->priority));
  } else if (header->place != member.place) {
    found = fmt::format("place {} in the record", header->place);
  } else {
    return;
  }
  drifts.push_back(
      {"queue",
       "job " + member.job_id,
       fmt::format("queued with priority {} at place {}", to_string(priority), member.place),
       std::move(found),
       {member.job_id},
       true});
}

void check_live(const Member& member, const LiveView* view, std::vector<Drift>& drifts) {
  const auto header = queue::read_header(member.header);
  const auto drift = [&](std::string expected, std::string found) {
    drifts.push_back({"live",
                      "job " + member.job_id,
                      std::move(expected),
                      std::move(found),
                      {member.job_id},
                      false});
  };
  if (!header) return drift("a record of a live attempt", "none that can be read");
  if (!queue::is_live(header->state))
    return drift("a live state", fmt::format("state {} in the record", to_string(header->state)));
  if (!view) return drift("an attempt that the leader follows", "one in Redis alone");
  if (header->version > view->version) return;
  const auto text = [](std::int64_t version, JobState state, Priority priority, int attempt,
                       const plan::Amounts& amounts) {
    return fmt::format("version {}, state {}, priority {}, attempt {}, {} GPUs, {}m CPU, {} bytes",
                       version, to_string(state), to_string(priority), attempt, amounts.gpus,
                       amounts.cpu_millicores, amounts.memory_bytes);
  };
  const auto expected =
      text(view->version, view->state, view->priority, view->attempt, view->amounts);
  const auto found =
      text(header->version, header->state, header->priority, header->attempt, header->amounts);
  if (expected != found) drift(expected, found);
}

PodComparison::PodComparison(const std::vector<LiveView>& live, Time now) : now_(now) {
  for (const auto& view : live) expected_[kube::pod_name(view.job_id, view.attempt)] = &view;
}

void PodComparison::add(const kube::Pod& pod) {
  auto& of_class = by_class_[pod.priority_class];
  of_class.amounts += pod.requests;
  if (!pod.managed || pod.deleting) of_class.comparable = false;
  if (!pod.managed) return;
  const auto view = expected_.find(pod.name);
  if (view != expected_.end()) {
    seen_[pod.name] = view->second->pod_uid.empty() || view->second->pod_uid == pod.uid;
    return;
  }
  // One that is being deleted has its time for it.
  if (pod.deleting && (!pod.delete_by || now_ < *pod.delete_by + 60s)) return;
  strays_.push_back(
      {"pod_stray",
       "pod " + pod.name,
       "no pod of this attempt",
       fmt::format("one that is {}{}", pod.phase, pod.deleting ? " and can't be deleted" : ""),
       {pod.job_id},
       false});
}

void PodComparison::finish(std::vector<Drift>& drifts) const {
  for (const auto& [name, view] : expected_) {
    if (!view->launched) continue;
    const auto seen = seen_.find(name);
    if (seen != seen_.end() && seen->second) continue;
    drifts.push_back({"pod_missing",
                      "pod " + name,
                      fmt::format("a pod for the attempt, which is {}", to_string(view->state)),
                      seen == seen_.end() ? "none that has not ended" : "another pod of that name",
                      {view->job_id},
                      false});
  }
  drifts.insert(drifts.end(), strays_.begin(), strays_.end());
}

void PodComparison::finish_quotas(const std::vector<kube::SurveyedQuota>& before,
                                  const std::vector<kube::SurveyedQuota>& after,
                                  std::vector<Drift>& drifts) const {
  for (const auto& surveyed : after) {
    if (std::find(before.begin(), before.end(), surveyed) == before.end()) continue;
    const auto& quota = surveyed.quota;
    plan::Amounts pods;
    bool comparable = true;
    for (const auto& [name, of_class] : by_class_) {
      if (!quota.scope_priority_class.empty() && quota.scope_priority_class != name) continue;
      pods += of_class.amounts;
      comparable = comparable && of_class.comparable;
    }
    if (!comparable) continue;
    for (const auto& [resource, used] : quota.used) {
      const auto asked = plan::amount_of(pods, resource);
      // A quota on count/pods counts those that have ended, too.
      if (asked == used || (resource == "pods" && used > asked)) continue;
      drifts.push_back({"quota",
                        quota.name + " " + resource,
                        std::to_string(asked),
                        std::to_string(used),
                        {},
                        false,
                        surveyed.version});
    }
  }
}

}  // namespace oppen::core
