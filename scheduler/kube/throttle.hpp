#pragma once
// Calls something at most once in a period: at once if it is due, else at the end of the period,
// once for all that asked meanwhile. Lives on the HttpClient's thread and must outlive it.
#include <chrono>
#include <functional>
#include <utility>

#include "workers/runtime/http_client.hpp"

namespace oppen::kube {

class Throttle {
 public:
  Throttle(runtime::HttpClient& http, std::chrono::milliseconds period, std::function<void()> call)
      : http_(http), period_(period), call_(std::move(call)) {}

  void ask() {
    if (pending_) return;
    const auto now = std::chrono::steady_clock::now();
    if (now >= due_) return run();
    pending_ = true;
    http_.run_after(std::chrono::ceil<std::chrono::milliseconds>(due_ - now), [this] { run(); });
  }

 private:
  void run() {
    pending_ = false;
    due_ = std::chrono::steady_clock::now() + period_;
    call_();
  }

  runtime::HttpClient& http_;
  std::chrono::milliseconds period_;
  std::function<void()> call_;
  std::chrono::steady_clock::time_point due_{};
  bool pending_ = false;
};

}  // namespace oppen::kube
