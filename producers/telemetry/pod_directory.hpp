#pragma once
// Keeps a list of the pods that readings can belong to, asked of the API server now and then on a thread of its own, so that a slow
// answer holds up no reading. While the API server is away what was known last stands. All methods are for any thread.
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "producers/telemetry/pods.hpp"
#include "workers/runtime/http_client.hpp"
#include "workers/runtime/kube_access.hpp"

namespace oppen::telemetry {

class PodDirectory {
 public:
  // `nodes`: pods of these alone, that have not ended. Needs the right to list pods in that namespace. Returns after the first
  // answer, which may be an error.
  PodDirectory(const runtime::KubeAccess& access, std::string pod_namespace,
               std::vector<std::string> nodes, std::chrono::milliseconds every);
  ~PodDirectory();
  PodDirectory(const PodDirectory&) = delete;
  PodDirectory& operator=(const PodDirectory&) = delete;

  std::shared_ptr<const KnownPods> known() const;
  // A pod has been seen that is not known: asks again soon, at most once a second.
  void ask_again();
  // What the last look said. Errors: unavailable; refused (the message names the missing right); invalid.
  Status status() const;

 private:
  void run(const std::stop_token& stop);
  void look();
  Result<std::vector<KnownPod>> list();

  const runtime::KubeAccess& access_;
  const std::string pod_namespace_;
  const std::vector<std::string> nodes_;
  const std::chrono::milliseconds every_;
  runtime::HttpClient http_;

  mutable std::mutex mutex_;
  std::condition_variable_any turn_;
  std::shared_ptr<const KnownPods> known_ = std::make_shared<KnownPods>();
  Status status_;
  bool asked_ = false;
  std::jthread thread_;
};

}  // namespace oppen::telemetry
