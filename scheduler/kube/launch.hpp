#pragma once
// Creating one pod so that it exists once, whatever happens to the answers. Runs on the ApiCaller's
// thread.
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "scheduler/kube/api_caller.hpp"
#include "scheduler/kube/kube_api.hpp"

namespace oppen::kube {

class Launch : public std::enable_shared_from_this<Launch> {
 public:
  // `pods_path`: "/api/v1/namespaces/<namespace>/pods".
  Launch(ApiCaller& caller, std::string pods_path, std::string pod_name, std::string manifest_json,
         std::chrono::milliseconds deadline, std::function<void(LaunchOutcome)> done);

  void start() { create(); }
  // Creates nothing from now on. What was asked for already may still come to be.
  void abandon() { abandoned_ = true; }

 private:
  using Step = void (Launch::*)();

  void create();
  void read();
  void on_created(const Result<runtime::HttpResponse>& answer);
  void on_forbidden(const ApiProblem& problem);
  void on_read(const Result<runtime::HttpResponse>& answer);
  // Goes on with `step` after a while, or ends as unavailable when there is no time left.
  void later(Step step, const std::string& why,
             std::optional<std::chrono::milliseconds> wait = std::nullopt);
  void finish(LaunchResult result, std::string message, std::optional<Pod> pod = std::nullopt);

  Tries tries_;
  std::string pods_path_;
  std::string pod_name_;
  std::string manifest_;
  std::string over_quota_;  // the refusal, while the pod is looked for all the same
  Pod wanted_;
  bool abandoned_ = false;
  std::function<void(LaunchOutcome)> done_;
};

}  // namespace oppen::kube
