#pragma once
// The KubeApi over HTTP: one thread of its own (an HttpClient's), on which all events and outcomes
// are delivered.
//
// Keeps no pods. Quotas are told again, at most ten times a second, also when only their use has
// changed: a launch that was over quota may succeed then. Nodes are cluster-wide: without the right
// to watch them none are reported, which is logged. The destructor ends what is open: a launch,
// check, removal or release whose outcome is still out is answered as unavailable or not at all.
#include <memory>
#include <string>

#include "scheduler/kube/kube_api.hpp"
#include "workers/runtime/kube_access.hpp"

namespace oppen::kube {

class KubeClient final : public KubeApi {
 public:
  KubeClient(std::unique_ptr<runtime::KubeAccess> access, std::string pod_namespace);
  ~KubeClient() override;

  // Once.
  void start(KubeEvents events, std::vector<std::string> config_map_names) override;
  void launch(const std::string& pod_name, std::string manifest_json,
              std::chrono::milliseconds deadline, std::function<void(LaunchOutcome)> done) override;
  void check(std::string manifest_json, std::chrono::milliseconds deadline,
             std::function<void(Status)> done) override;
  void abandon(const std::string& pod_name) override;
  void remove(const std::string& pod_name, const std::string& uid, std::chrono::seconds grace,
              std::function<void(Status)> done) override;
  void release(const std::string& pod_name, const std::string& uid,
               std::function<void(Status)> done) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace oppen::kube
