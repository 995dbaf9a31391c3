#pragma once
// Calls to the API server, a bounded number of them at a time, and what its answers mean. Lives on
// the HttpClient's thread.
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "scheduler/kube/backoff.hpp"
#include "workers/runtime/http_client.hpp"
#include "workers/runtime/kube_access.hpp"

namespace oppen::kube {

struct ApiRequest {
  std::string method;
  std::string path;
  std::string body = {};
  std::string content_type = "application/json";
};

class ApiCaller {
 public:
  using Done = runtime::HttpClient::Done;

  // Both must outlive this object.
  ApiCaller(runtime::HttpClient& http, const runtime::KubeAccess& access)
      : http_(http), access_(access) {}

  // `timeout` counts from when the call is sent, not from when it queues behind others.
  void call(ApiRequest request, std::chrono::milliseconds timeout, Done done);

  runtime::HttpClient& http() { return http_; }
  const runtime::KubeAccess& access() const { return access_; }

 private:
  // More don't make the API server any faster.
  static constexpr std::size_t max_in_flight = 32;

  void send_waiting();

  struct Waiting {
    ApiRequest request;
    std::chrono::milliseconds timeout;
    Done done;
  };
  runtime::HttpClient& http_;
  const runtime::KubeAccess& access_;
  std::deque<Waiting> waiting_;
  std::size_t in_flight_ = 0;
  bool sending_ = false;
};

// What an answer that isn't a 2xx says (a metav1.Status, or whatever a proxy in between wrote).
struct ApiProblem {
  int status = 0;
  std::string reason;   // "AlreadyExists", "Forbidden", ...
  std::string message;  // never empty
};
ApiProblem problem_of(const runtime::HttpResponse& response);

// 401 (a token that expired), 429 and 5xx: the same call may succeed later.
bool is_transient(int http_status);

// The Retry-After header, at most a minute.
std::optional<std::chrono::milliseconds> retry_after(const runtime::HttpResponse& response);

// The tries of one call that must have an end: how much time is left, and when to try again.
class Tries {
 public:
  Tries(ApiCaller& caller, std::chrono::milliseconds deadline)
      : caller_(caller), ends_at_(std::chrono::steady_clock::now() + deadline) {}

  // Sends with a timeout that ends within the deadline.
  void send(ApiRequest request, ApiCaller::Done done);

  // Calls `next` after a while: the back-off, on top of `wait`. False: the deadline would pass
  // before.
  bool again(std::optional<std::chrono::milliseconds> wait, std::function<void()> next);

 private:
  std::chrono::milliseconds left() const;

  ApiCaller& caller_;
  std::chrono::steady_clock::time_point ends_at_;
  Backoff backoff_{std::chrono::milliseconds{50}, std::chrono::milliseconds{5'000}};
};

}  // namespace oppen::kube
