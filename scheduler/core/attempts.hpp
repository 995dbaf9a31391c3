#pragma once
// The life of attempts: launches what `decide` says (launching.cpp), follows the pods (following.cpp), ends attempts, gives up pods that
// can't start, and clears finished pods away (clearing.cpp). Core's thread; the API server's answers reach it through `post`.
//
// Every step is written to Redis before the next one that depends on it: `launching` before the pod is created, the end of an attempt
// before the pod's finalizer goes, and the finalizer only once the broker has acknowledged the end.
#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "scheduler/core/budget_gate.hpp"
#include "scheduler/core/estimates.hpp"
#include "scheduler/core/pod_end.hpp"
#include "scheduler/core/situation.hpp"
#include "scheduler/core/state.hpp"
#include "schemas/job_events.hpp"
#include "schemas/runs.hpp"

namespace oppen::core {

// Seconds, never below zero: the clocks of Kubernetes' parts differ a little.
inline double seconds_between(Time begin, Time end) {
  return std::max(0.0, std::chrono::duration_cast<Seconds>(end - begin).count());
}

class Attempts {
 public:
  // `post` runs a task on the core's thread later; a task's error ends the term.
  using Post = std::function<void(std::function<Status()>)>;
  Attempts(State& state, Post post);

  // All pods of the namespace, at start and whenever the watch begins anew: everything is compared, vanished pods included. A list shows
  // nothing reliable of what was created after list_begins().
  // Errors of all: of the store; fenced when a pod shows that a later leader is at work.
  void list_begins() { accepted_since_list_.clear(); }
  Status reconcile(const std::vector<kube::Pod>& pods);
  Status on_pod(const kube::Pod& pod, bool deleted);

  // Launches until nothing more fits. Called after whatever may have made room or brought a job; costs next to nothing while
  // no slot is free.
  Status launch_next();
  // The API server may answer differently now (a quota or its use changed).
  void quota_changed() {
    over_quota_ = false;
    settled_.reset();
  }

  // Every command that was in the log when this term began has been handled. Until then nobody knows whether a pod that is being deleted
  // was cancelled: Redis may have forgotten that. Its end waits for this.
  Status caught_up();

  // Deletes the pod of a job whose state is `cancelling` already.
  void cancel(const queue::JobRecord& record);

  // The broker has acknowledged everything up to this outbox id.
  void published(const std::string& outbox_id);

  // Timeouts and repetitions; twice a second.
  Status tick();

  // What a submission at `time` is told its wait and cost by.
  Outlook outlook(Time time);
  // What a projection begins with (situation.cpp).
  Situation situation() const;

 private:
  // Launching. What goes next: at most `limit` jobs.
  struct Next {
    std::vector<queue::JobRecord> jobs;  // in the order of launching
    std::size_t in_turn = 0;             // how many of these; the rest passes one that waits
    std::string head_waits;              // why the first that is not launched waits
    bool more = false;                   // there is more that may be launched now
    bool again = false;                  // some were held: it is to be asked for anew
    std::optional<BudgetGate> gate;      // by which they were judged, where budgets hold jobs
  };
  Result<Next> next_in_order(std::int64_t limit);
  Result<Next> next_with_backfill(std::int64_t limit);
  // Has those that are over a budget wait elsewhere; then it is to be asked for anew.
  Status hold_over_budget(std::vector<queue::JobRecord>& records, Next& next);
  // What a decision depends on and changes often.
  struct Seen {
    std::array<std::int64_t, 3> queued;
    std::array<plan::Amounts, 3> used;
    std::shared_ptr<const plan::Policy> policy;
    bool operator==(const Seen&) const = default;
  };
  Seen seen() const;
  void launch(const queue::JobRecord& record);
  // Lets the console tell why the first waiting job waits; "" when it does not.
  Status say_head_waits(const std::string& why);
  Status on_launch_outcome(const std::string& job_id, int attempt, kube::LaunchOutcome outcome);
  Status on_over_quota(queue::JobRecord record, const std::string& message);
  double remaining_seconds(Time now);

  // Following.
  Status check_epoch(const kube::Pod& pod) const;
  Status follow(queue::JobRecord record, const kube::Pod& pod);
  void observe_start(const queue::JobRecord& record);
  // Ends the attempt as its pod says; `pod` nullptr: there is none any more.
  Status end_attempt(queue::JobRecord record, const kube::Pod* pod);
  RunCompleted run_of(const queue::JobRecord& record, const AttemptEnd& end, bool succeeded,
                      const nlohmann::json& metrics) const;
  // A pod of the attempt that a queued job would have next: Redis is older than the launch. false: it is no such pod.
  Result<bool> adopt(const kube::Pod& pod);
  // A managed pod whose attempt is not live: finished and kept for a while, or of an attempt that must not run.
  Status stray(const kube::Pod& pod);
  // Attempts and other pods on nodes that are away (lost_nodes.cpp).
  std::optional<Time> lost_since(const std::string& node, std::optional<Time> delete_by, Time now);
  Status end_lost(Time now);
  void note_stray(const kube::Pod& pod);
  Status end_strays(Time now);
  void note_foreign(const kube::Pod& pod, bool deleted);
  std::string gpu_type_of(const queue::JobRecord& record, const kube::Pod& pod) const;

  // Clearing away.
  Status release_published(const kube::Pod& pod);
  // Those whose ends are on the bus. They wait for launches that are on their way, which the API server would keep waiting for them, but
  // not beyond the next tick.
  void release_told();
  void release_later(const kube::Pod& pod, const std::string& outbox_id);
  void release(const kube::Pod& pod);
  void remove_live(const queue::JobRecord& record);
  void remove_pod(const std::string& pod_name, const std::string& uid, std::chrono::seconds grace);
  Status give_up_overdue(Time now);
  void clear_finished(Time now);

  // Whether the job's last attempt has left one behind, as a node does that is lost.
  bool last_pod_is_there(const queue::JobRecord& record) const;

  // Whether the list that is gone through has a pod of a later attempt.
  bool went_on(const queue::JobRecord& record) const {
    const auto latest = latest_attempt_.find(record.spec.job_id);
    return latest != latest_attempt_.end() && latest->second > record.attempt;
  }

  Time now() const { return state_.clock.now(); }

  State& state_;
  Post post_;
  std::unordered_set<std::string> in_flight_;  // job ids whose launch has no outcome yet
  std::unordered_set<std::string>
      accepted_since_list_;  // job ids whose pod a list that is being read may lack

  // After a refusal of the API server one job at a time is tried, less and less often, until one is admitted.
  bool over_quota_ = false;
  bool probing_ = false;
  std::chrono::milliseconds probe_wait_{1'000};
  Time next_probe_{};

  std::deque<std::pair<std::string, kube::Pod>> releases_;  // outbox id -> pod whose end it tells
  std::string published_ = "0-0";                           // outbox id
  std::unordered_map<std::string, std::pair<std::string, Time>>
      finished_pods_;                                // name -> uid, end; until deleted
  std::unordered_map<std::string, Time> delete_by_;  // job id -> when its deleted pod is to be gone
  // While a list is gone through: of each job, the latest attempt that it has a pod of.
  std::unordered_map<std::string, int> latest_attempt_;
  std::vector<kube::Pod> deleted_early_;  // deleted pods of live attempts that ended before that
  Time next_removals_{};                  // when deletions that had no effect are asked for again

  // With backfill, when nothing more could be launched: it is not looked for again before this changes, or the next tick. A look behind
  // the head reads more than a hundred jobs.
  std::optional<Seen> settled_;

  std::string head_waits_ = "?";  // as said last; nothing yet

  double remaining_seconds_ = 0;  // of the live attempts, as of:
  Time remaining_at_{};

  runtime::Histogram& queue_wait_;
  runtime::Histogram& decision_;
  runtime::Histogram& launch_;
  runtime::Histogram& late_start_;
  runtime::Histogram& early_start_;
  runtime::Counter& backfilled_;
};

}  // namespace oppen::core
