#include "scheduler/kube/kube_client.hpp"

#include <map>
#include <utility>

#include "scheduler/kube/api_caller.hpp"
#include "scheduler/kube/dry_run.hpp"
#include "scheduler/kube/launch.hpp"
#include "scheduler/kube/pod_changes.hpp"
#include "scheduler/kube/watched.hpp"

namespace oppen::kube {

struct KubeClient::Impl {
  Impl(std::unique_ptr<runtime::KubeAccess> api_access, std::string pod_namespace)
      : access(std::move(api_access)),
        name_space(std::move(pod_namespace)),
        pods_path("/api/v1/namespaces/" + name_space + "/pods") {}
  // The thread ends before what it uses.
  ~Impl() {
    if (watched) watched->end();
    http.stop();
  }

  std::string pod_path(const std::string& name) const { return pods_path + "/" + name; }

  template <class Operation>
  void start(std::shared_ptr<Operation> operation) {
    http.run_after(std::chrono::milliseconds{0},
                   [operation = std::move(operation)] { operation->start(); });
  }

  std::unique_ptr<runtime::KubeAccess> access;
  std::string name_space;
  std::string pods_path;
  runtime::HttpClient http;
  ApiCaller lists{http, *access};  // of their own, not to queue behind a thousand launches
  ApiCaller calls{http, *access};
  std::unique_ptr<Watched> watched;
  std::map<std::string, std::weak_ptr<Launch>> launches;  // by pod name; of the client's thread
};

KubeClient::KubeClient(std::unique_ptr<runtime::KubeAccess> access, std::string pod_namespace)
    : impl_(std::make_unique<Impl>(std::move(access), std::move(pod_namespace))) {}

KubeClient::~KubeClient() = default;

void KubeClient::start(KubeEvents events, std::vector<std::string> config_map_names) {
  impl_->watched = std::make_unique<Watched>(impl_->lists, impl_->name_space, std::move(events),
                                             std::move(config_map_names));
  impl_->http.run_after(std::chrono::milliseconds{0},
                        [watched = impl_->watched.get()] { watched->start(); });
}

void KubeClient::launch(const std::string& pod_name, std::string manifest_json,
                        std::chrono::milliseconds deadline,
                        std::function<void(LaunchOutcome)> done) {
  const auto launch = std::make_shared<Launch>(impl_->calls, impl_->pods_path, pod_name,
                                               std::move(manifest_json), deadline, std::move(done));
  impl_->http.run_after(std::chrono::milliseconds{0}, [impl = impl_.get(), pod_name, launch] {
    std::erase_if(impl->launches, [](const auto& one) { return one.second.expired(); });
    impl->launches[pod_name] = launch;
    launch->start();
  });
}

void KubeClient::check(std::string manifest_json, std::chrono::milliseconds deadline,
                       std::function<void(Status)> done) {
  impl_->start(std::make_shared<DryRun>(impl_->calls, impl_->pods_path, std::move(manifest_json),
                                        deadline, std::move(done)));
}

void KubeClient::abandon(const std::string& pod_name) {
  impl_->http.run_after(std::chrono::milliseconds{0}, [impl = impl_.get(), pod_name] {
    const auto found = impl->launches.find(pod_name);
    if (found == impl->launches.end()) return;
    if (const auto launch = found->second.lock()) launch->abandon();
  });
}

void KubeClient::remove(const std::string& pod_name, const std::string& uid,
                        std::chrono::seconds grace, std::function<void(Status)> done) {
  impl_->start(std::make_shared<Removal>(impl_->calls, impl_->pod_path(pod_name), uid, grace,
                                         std::move(done)));
}

void KubeClient::release(const std::string& pod_name, const std::string& uid,
                         std::function<void(Status)> done) {
  impl_->start(
      std::make_shared<Release>(impl_->calls, impl_->pod_path(pod_name), uid, std::move(done)));
}

}  // namespace oppen::kube
