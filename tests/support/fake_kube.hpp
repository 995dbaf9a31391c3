#pragma once
// A Kubernetes API for unit tests of the scheduler: pods in memory, every call recorded, outcomes
// scripted, and pod phases driven by the test.
//
// One thread, no waiting: callbacks of a call run before the call returns, unless hold_answers() is
// on; then they wait for release_answers(). Behaves like the API server where the scheduler can
// tell: launching an existing name compares job, attempt and spec hash; a pod with the finalizer
// stays (deleting) until it is released.
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "scheduler/kube/kube_api.hpp"

namespace oppen::test {

class FakeKube final : public kube::KubeApi {
 public:
  struct Launch {
    std::string pod_name;
    std::string manifest_json;
    std::chrono::milliseconds deadline{};
  };
  struct Removal {
    std::string pod_name;
    std::string uid;
    std::chrono::seconds grace{};
  };
  struct Release {
    std::string pod_name;
    std::string uid;
  };

  // start() tells of everything there is: the full list, quotas, limits, nodes, ConfigMaps, health.
  void start(kube::KubeEvents events, std::vector<std::string> config_map_names) override;
  void launch(const std::string& pod_name, std::string manifest_json,
              std::chrono::milliseconds deadline,
              std::function<void(kube::LaunchOutcome)> done) override;
  void check(std::string manifest_json, std::chrono::milliseconds deadline,
             std::function<void(Status)> done) override;
  void abandon(const std::string& pod_name) override { abandoned_.insert(pod_name); }
  void remove(const std::string& pod_name, const std::string& uid, std::chrono::seconds grace,
              std::function<void(Status)> done) override;
  void release(const std::string& pod_name, const std::string& uid,
               std::function<void(Status)> done) override;

  // What was called, oldest first.
  const std::vector<Launch>& launches() const { return launches_; }
  const std::vector<std::string>& checks() const { return checks_; }  // manifests
  const std::vector<Removal>& removals() const { return removals_; }
  const std::vector<Release>& releases() const { return releases_; }

  // The next launch ends so, whatever it asks for, and creates no pod (unless it is `launched`).
  // May be called several times.
  void script_launch(kube::LaunchResult result, std::string message);
  // The next launch creates its pod but answers `unavailable`: a lost answer that the client gave
  // up on.
  void script_lost_launch();
  // The next check ends so; ok where nothing is scripted.
  void script_check(Status status) { scripted_checks_.push_back(std::move(status)); }
  void script_remove(Status status);
  void script_release(Status status);
  // Whether pods and answers are kept back until release_answers().
  void hold_answers(bool hold) { holding_ = hold; }
  void release_answers();
  std::size_t held_answers() const { return held_.size(); }

  // The pods, by name. A test may also change one directly and tell of it with notify().
  std::map<std::string, kube::Pod>& pods() { return pods_; }
  kube::Pod& pod(const std::string& name);  // std::out_of_range when there is none
  // Adds a pod that nobody launched here (a survivor, someone else's) and tells of it.
  void add_pod(kube::Pod pod);
  void run(const std::string& name, Time at, const std::string& node = "node-1");
  void succeed(const std::string& name, Time at, const std::string& termination_message = "");
  void fail(const std::string& name, Time at, int exit_code, const std::string& reason = "Error",
            const std::string& message = "");
  // A pod that can't start: phase Pending with this reason (ImagePullBackOff, Unschedulable, ...).
  void cannot_start(const std::string& name, const std::string& reason,
                    const std::string& message = "");
  // As kubectl delete does: gone at once, or deleting while the finalizer holds it.
  void delete_by_hand(const std::string& name);
  // Gone without an event, as during a lost connection; a relist() makes it known.
  void vanish(const std::string& name) { pods_.erase(name); }
  void notify(const std::string& name);
  void relist();

  // Tell of these (and again at start()).
  void set_quotas(std::vector<kube::Quota> quotas);
  void set_limits(kube::PodLimits limits);
  void set_nodes(std::vector<kube::Node> nodes);
  void set_config_map(const std::string& name,
                      std::optional<std::map<std::string, std::string>> data);
  void set_health(Status health);

 private:
  void answer(std::function<void()> callback);
  void tell(const kube::Pod& pod, bool deleted);
  kube::Pod created_from(const std::string& name, const std::string& manifest_json);
  void start_deleting(const std::string& name);

  kube::KubeEvents events_;
  bool started_ = false;
  std::vector<std::string> config_map_names_;
  std::map<std::string, kube::Pod> pods_;
  std::vector<kube::Quota> quotas_;
  kube::PodLimits limits_;
  std::vector<kube::Node> nodes_;
  std::map<std::string, std::optional<std::map<std::string, std::string>>> config_maps_;
  Status health_;
  int next_uid_ = 1;

  struct ScriptedLaunch {
    kube::LaunchOutcome outcome;
    bool creates = false;
  };
  std::deque<ScriptedLaunch> scripted_launches_;
  std::deque<Status> scripted_checks_;
  std::deque<Status> scripted_removes_;
  std::deque<Status> scripted_releases_;
  bool holding_ = false;
  std::deque<std::function<void()>> held_;

  std::set<std::string> abandoned_;
  std::vector<Launch> launches_;
  std::vector<std::string> checks_;
  std::vector<Removal> removals_;
  std::vector<Release> releases_;
};

}  // namespace oppen::test
