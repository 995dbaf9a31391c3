#pragma once
// Deleting a pod, and letting go of one that is finished. Run on the ApiCaller's thread.
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "scheduler/kube/api_caller.hpp"
#include "schemas/error.hpp"

namespace oppen::kube {

// What both have in common: one pod, named with its UID; tried again for a while; an end.
class PodChange {
 public:
  using Done = std::function<void(Status)>;

 protected:
  PodChange(ApiCaller& caller, std::string pod_path, std::string uid, Done done);

  // Goes on with `next` after a while, or ends with `problem` when there is no time left.
  void later(const Error& problem, std::optional<std::chrono::milliseconds> wait,
             std::function<void()> next);
  Error error_from(const ApiProblem& problem, const char* doing) const;

  Tries tries_;
  std::string pod_path_;
  std::string uid_;
  Done done_;
};

class Removal : public PodChange, public std::enable_shared_from_this<Removal> {
 public:
  Removal(ApiCaller& caller, std::string pod_path, std::string uid, std::chrono::seconds grace,
          Done done)
      : PodChange(caller, std::move(pod_path), std::move(uid), std::move(done)), grace_(grace) {}
  void start();

 private:
  void on_answer(const Result<runtime::HttpResponse>& answer);

  std::chrono::seconds grace_;
};

class Release : public PodChange, public std::enable_shared_from_this<Release> {
 public:
  Release(ApiCaller& caller, std::string pod_path, std::string uid, Done done)
      : PodChange(caller, std::move(pod_path), std::move(uid), std::move(done)) {}
  // First takes our finalizer for the only one, which needs no reading.
  void start() { patch(0); }

 private:
  void patch(std::size_t index);
  void on_patched(const Result<runtime::HttpResponse>& answer);
  void read();
  void on_read(const Result<runtime::HttpResponse>& answer);
};

}  // namespace oppen::kube
