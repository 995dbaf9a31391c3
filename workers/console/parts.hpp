#pragma once
// Asks every part how it is: Redis, Kubernetes, the scheduler (and through it Kafka), who leads.
// Any thread.
#include <memory>
#include <string>
#include <vector>

#include "workers/console/health.hpp"
#include "workers/console/pooled_queue.hpp"
#include "workers/runtime/http_client.hpp"
#include "workers/runtime/kube_access.hpp"

namespace oppen::console {

class Parts {
 public:
  // All must outlive this.
  Parts(PooledQueue& queue, runtime::HttpClient& http,
        const Result<std::unique_ptr<runtime::KubeAccess>>& kube, std::string scheduler_url)
      : queue_(queue), http_(http), kube_(kube), scheduler_url_(std::move(scheduler_url)) {}

  // At most about 7 seconds, usually milliseconds.
  std::vector<Part> check();

 private:
  Part redis();
  Part kubernetes();

  PooledQueue& queue_;
  runtime::HttpClient& http_;
  const Result<std::unique_ptr<runtime::KubeAccess>>& kube_;
  std::string scheduler_url_;
};

}  // namespace oppen::console
