#pragma once
// What is watched of the cluster, turned into KubeEvents. Lives on the HttpClient's thread and must
// outlive it.
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "scheduler/kube/api_caller.hpp"
#include "scheduler/kube/kube_api.hpp"
#include "scheduler/kube/pulse.hpp"
#include "scheduler/kube/throttle.hpp"
#include "scheduler/kube/watch.hpp"

namespace oppen::kube {

// The objects of one kind by name. A list takes effect when it is complete.
template <class T>
struct Collected {
  std::map<std::string, T> known;
  std::map<std::string, T> listed;
};

class Watched {
 public:
  Watched(ApiCaller& caller, std::string pod_namespace, KubeEvents events,
          std::vector<std::string> config_map_names);

  void start();

  // What ends from now on is no news. Any thread.
  void end() { ending_ = true; }

 private:
  WatchSink pods();
  WatchSink quotas();
  WatchSink limits();
  WatchSink nodes();
  WatchSink config_map(const std::string& name);

  // A sink without on_health counts for the health of all.
  void add(WatchTarget target, WatchSink sink);
  // A part of the health of all: where it is told.
  std::function<void(const Status&)> health_part();
  std::optional<Quota> quota_in(const nlohmann::json& object);
  void on_health(std::size_t index, const Status& status);
  void on_node_health(const Status& status);

  ApiCaller& caller_;
  std::string namespace_path_;
  KubeEvents events_;
  std::vector<std::string> config_map_names_;

  std::vector<Pod> listed_pods_;  // only while a list is read
  Collected<Quota> quotas_;
  Collected<PodLimits> limits_;
  Collected<Node> nodes_;
  std::set<std::string> logged_quota_notes_;
  Throttle quota_throttle_;
  Throttle node_throttle_;

  std::atomic<bool> ending_{false};
  std::vector<std::unique_ptr<Watch>> watches_;
  std::vector<std::optional<Status>> health_;  // of each part that counts; absent: not known yet
  Pulse pulse_;
  std::optional<std::optional<ErrorKind>> told_health_;  // what was told last; an inner nullopt: ok
  bool nodes_refused_ = false;
};

}  // namespace oppen::kube
