#pragma once
// What the parts of the scheduler's core share while one instance leads. Everything here belongs to
// the core's thread.
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "scheduler/core/admission.hpp"
#include "scheduler/core/claimed.hpp"
#include "scheduler/core/nodes.hpp"
#include "scheduler/kube/kube_api.hpp"
#include "scheduler/plan/decide.hpp"
#include "scheduler/plan/durations.hpp"
#include "scheduler/plan/policy.hpp"
#include "scheduler/queue/store.hpp"
#include "schemas/time.hpp"
#include "workers/cost/budgets/book.hpp"
#include "workers/cost/pricing/pricing.hpp"
#include "workers/runtime/metrics.hpp"

namespace oppen::core {

// A pod that has not ended, of an attempt that is not live. It takes a slot until it is gone.
struct Stray {
  kube::Pod pod;
  Time since{};  // when this leader first saw it as one
};

struct State {
  // Borrowed; outlive this.
  const Clock& clock;
  runtime::Metrics& metrics;
  queue::QueueStore& store;
  kube::KubeApi& kube;
  std::string pod_namespace;
  std::int64_t epoch;

  // Policies in force; replaced whole, so that another thread may keep reading an older one.
  std::shared_ptr<const plan::Policy> policy = std::make_shared<plan::Policy>();
  std::shared_ptr<const pricing::CostModel> cost_model = std::make_shared<pricing::CostModel>();
  std::optional<Time> paused_until = {};  // of policy->queue_paused, where the pause has an end

  // Mirrors of what Redis holds, renewed by each commit: this thread is its only writer.
  queue::Counters counters = {};
  std::unordered_map<std::string, queue::JobRecord> live = {};  // by job id

  budgets::Book budgets = {};  // in force, with what was told of them last
  // By which jobs that begin to wait are judged, with what was let in since: see take_in(). nullopt: to be read anew.
  std::optional<std::vector<budgets::Standing>> rooms = {};
  std::int64_t control_read = 0;  // up to where decisions on `control` have been read
  bool held_for_budget =
      true;  // some were, since those that wait for a budget were last looked through

  // Budgets that hold somebody, with the look in which that was seen last: who begins to wait is judged after those, by the next look.
  std::map<std::string, std::int64_t> held_by = {};
  std::int64_t looks =
      0;  // through those that wait for a budget, of this term, with the one under way

  Claimed claimed = {};  // by a batch that is being decided

  plan::Durations durations = {};  // see learning.hpp

  std::multimap<Time, std::string> retries = {};  // ids of jobs with Hold::retry, by its end
  bool settling = false;  // there may be ended jobs whose dependents have not been told yet
  // Every command that was in the log when this term began has been handled: a job that is not known then never was, or is forgotten.
  bool caught_up = false;

  // What the API server said last.
  std::vector<plan::Quota> quotas = {};
  plan::PodLimits limits = {};
  Nodes nodes = {};
  std::unordered_map<std::string, std::pair<std::string, plan::Amounts>> foreign_pods =
      {};  // pod -> class, amounts

  std::unordered_map<std::string, Stray> strays = {};  // by pod name

  // What off_peak() has found: it holds until then, as long as the cost model is this one.
  struct {
    std::shared_ptr<const pricing::CostModel> model = {};
    bool open = false;
    Time until = {};
  } window = {};

  // Commands below this offset were read before by a leader whose Redis was newer, or is lost.
  std::int64_t replay_until = 0;

  plan::Capacity capacity() const;

  // Whether the off-peak window is open.
  bool off_peak(Time now);

  // What submissions are judged by now. What has been learned is borrowed from this state: for this thread, and for the moment.
  AdmissionRules rules() const;
  // The same to keep, and for another thread.
  AdmissionRules rules_to_keep() const;

  // Commits, and renews the counters. The errors of QueueStore::commit.
  Result<queue::Committed> commit(queue::Changes changes);
};

}  // namespace oppen::core
