#pragma once
// Logs of pods from the Kubernetes API. Each open log has an HTTP client of its own, so that a
// reader who is slow holds up nobody but himself: the console keeps at most 256 kB of a log. Any
// thread.
#include <memory>
#include <string>

#include "workers/console/logs.hpp"
#include "workers/runtime/kube_access.hpp"

namespace oppen::console {

class KubeLogs final : public LogSource {
 public:
  // `access` must outlive this. When it is an error, that is what each open() answers.
  KubeLogs(const Result<std::unique_ptr<runtime::KubeAccess>>& access, std::string pod_namespace)
      : access_(access), namespace_(std::move(pod_namespace)) {}

  Result<std::shared_ptr<LogStream>> open(const LogRequest& request) override;

 private:
  const Result<std::unique_ptr<runtime::KubeAccess>>& access_;
  std::string namespace_;
};

}  // namespace oppen::console
