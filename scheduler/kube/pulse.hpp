#pragma once
// Asks the API server for a sign of life every few seconds. A server that hangs keeps its connections
// open: watches, which may be quiet for minutes, don't tell it from one that has no news.
// Lives on the HttpClient's thread and must outlive it.
#include <functional>

#include "scheduler/kube/api_caller.hpp"
#include "schemas/error.hpp"

namespace oppen::kube {

class Pulse {
 public:
  // `caller` must outlive it. on_health is called after each try: ok when anything was answered.
  Pulse(ApiCaller& caller, std::function<void(const Status&)> on_health);

  void start() { ask(); }

 private:
  void ask();

  ApiCaller& caller_;
  std::function<void(const Status&)> on_health_;
};

}  // namespace oppen::kube
