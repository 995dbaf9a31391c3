#pragma once
// The life of attempts: launches what `decide` says, follows the pods, ends attempts, gives up pods
// that can't start, and clears finished pods away. Core's thread; the API server's answers reach it
// through `post`.
//
// Every step is written to Redis before the next one that depends on it: `launching` before the pod
// is created, the end of an attempt before the pod's finalizer goes, and the finalizer only once
// the broker has acknowledged the end.
#include <chrono>
#include <deque>
#include <functional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "scheduler/core/state.hpp"
#include "schemas/job_events.hpp"

namespace oppen::core {

class Attempts {
 public:
  // `post` runs a task on the core's thread later; a task's error ends the term.
  using Post = std::function<void(std::function<Status()>)>;
  Attempts(State& state, Post post);

  // All pods of the namespace, at start and whenever the watch begins anew: everything is compared,
  // vanished pods included. Errors of all: of the store.
  Status reconcile(const std::vector<kube::Pod>& pods);
  Status on_pod(const kube::Pod& pod, bool deleted);

  // Launches until nothing more fits. Called after whatever may have made room or brought a job.
  Status launch_next();
  // The API server may answer differently now (a quota or its use changed).
  void quota_changed() { over_quota_ = false; }

  // Deletes the pod of a job whose state is `cancelling` already.
  void cancel(const queue::JobRecord& record);

  // The broker has acknowledged everything up to this outbox id.
  void published(const std::string& outbox_id);

  // Timeouts and repetitions; twice a second.
  Status tick();

  // Position, wait, duration and cost as job.queued tells them for a job that joins the queue now,
  // behind `more_ahead` others that are joining with it.
  JobQueued expectation(const queue::JobRecord& record, Time now, std::int64_t more_ahead = 0,
                        double more_seconds = 0) const;

 private:
  void launch(const queue::JobRecord& record);
  Status on_launch_outcome(const std::string& job_id, int attempt, kube::LaunchOutcome outcome);
  Status accept(queue::JobRecord& record, const kube::Pod& pod);
  Status follow(queue::JobRecord record, const kube::Pod& pod);
  Status back_to_queue(queue::JobRecord record);
  // Ends the attempt as its pod says; `pod` nullptr: there is none any more.
  Status end_attempt(queue::JobRecord record, const kube::Pod* pod);
  void note_foreign(const kube::Pod& pod, bool deleted);
  Result<bool> adopt(const kube::Pod& pod);
  Status stray(const kube::Pod& pod);
  void release_later(const kube::Pod& pod, const std::string& outbox_id);
  void remove_pod(const std::string& pod_name, const std::string& uid, std::chrono::seconds grace);
  std::string gpu_type_of(const queue::JobRecord& record, const kube::Pod& pod) const;
  Time now() const { return state_.clock.now(); }

  State& state_;
  Post post_;
  bool over_quota_ =
      false;  // the API server refused; wait until something about quotas or pods changes
  std::unordered_set<std::string>
      unanswered_;  // job ids whose launch got no answer: repeated by tick
  std::deque<std::pair<std::string, kube::Pod>> releases_;  // outbox id -> pod whose end it tells
  std::unordered_map<std::string, std::pair<std::string, Time>>
      finished_pods_;  // name -> uid, end; until deleted

  runtime::Histogram& queue_wait_;
  runtime::Histogram& decision_;
  runtime::Histogram& launch_;
};

}  // namespace oppen::core
