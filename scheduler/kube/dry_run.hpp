#pragma once
// Asking the API server whether it would take a pod, without creating it. Runs on the ApiCaller's thread.
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "scheduler/kube/api_caller.hpp"
#include "schemas/error.hpp"

namespace oppen::kube {

class DryRun : public std::enable_shared_from_this<DryRun> {
 public:
  // `pods_path`: "/api/v1/namespaces/<namespace>/pods". See KubeApi::check for `done`.
  DryRun(ApiCaller& caller, const std::string& pods_path, std::string manifest_json,
         std::chrono::milliseconds deadline, std::function<void(Status)> done);

  void start();

 private:
  void on_answer(const Result<runtime::HttpResponse>& answer);
  void later(const std::string& why, std::optional<std::chrono::milliseconds> wait = std::nullopt);

  Tries tries_;
  std::string path_;
  std::string manifest_;
  std::function<void(Status)> done_;
};

}  // namespace oppen::kube
