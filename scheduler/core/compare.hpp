#pragma once
// The comparisons that the audit and --verify share. Pure; any thread.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "scheduler/core/drift.hpp"
#include "scheduler/kube/survey.hpp"
#include "scheduler/queue/counters.hpp"
#include "scheduler/queue/record.hpp"

namespace oppen::core {

// Of a live attempt, what is compared.
struct LiveView {
  std::string job_id;
  std::int64_t version = 0;
  JobState state = JobState::launching;
  Priority priority = Priority::normal;
  int attempt = 0;
  plan::Amounts amounts;
  bool launched = false;
  std::string pod_uid;
  std::string pair;  // queue::pair_of its team and project
  MicroUsd cost;     // as it is estimated
};
LiveView view_of(const queue::JobRecord& record);

// Sums by "<kind>:<priority>" ("gpus:urgent"), of states by "states:<priority>:<state>", of
// what is committed by "committed:<team> <project>".
using Sums = std::map<std::string, std::int64_t>;
Sums sums_of(const queue::Counters& counters);
// `beside`: what is committed there is expected to be there, if only as zero.
Sums sums_of(const std::vector<LiveView>& live, const queue::Counters& beside = {});
// Each sum that `expected` names. `live`: whose jobs may be concerned. `sure`: see Drift.
void compare_sums(const Sums& expected, const Sums& found, const std::vector<LiveView>& live,
                  bool sure, std::vector<Drift>& drifts);

// One member of a queue's sorted set, or of the live one, with the first line of its record ("" : there is none).
struct Member {
  std::string job_id;
  std::int64_t place = 0;
  std::string header;
};
void check_queued(const Member& member, Priority priority, std::vector<Drift>& drifts);
// `view`: as the leader follows it; nullptr: it does not. What has changed since the view is left alone.
void check_live(const Member& member, const LiveView* view, std::vector<Drift>& drifts);

// Alive pods against live attempts and quotas: add each pod, then finish.
class PodComparison {
 public:
  PodComparison(const std::vector<LiveView>& live, Time now);
  void add(const kube::Pod& pod);
  void finish(std::vector<Drift>& drifts) const;
  // `before` and `after` the pods were read: what was written meanwhile is not compared.
  void finish_quotas(const std::vector<kube::SurveyedQuota>& before,
                     const std::vector<kube::SurveyedQuota>& after,
                     std::vector<Drift>& drifts) const;

 private:
  struct OfClass {
    plan::Amounts amounts;
    bool comparable = true;  // all of ours, and none on its way out
  };
  Time now_;
  std::unordered_map<std::string, const LiveView*> expected_;  // by pod name; borrowed
  std::unordered_map<std::string, bool> seen_;                 // pod name -> it is the right one
  std::vector<Drift> strays_;
  std::map<std::string, OfClass> by_class_;
};

}  // namespace oppen::core
