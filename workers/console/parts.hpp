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
        const Result<std::unique_ptr<runtime::KubeAccess>>& kube,
        std::vector<std::string> scheduler_urls)
      : queue_(queue), http_(http), kube_(kube), scheduler_urls_(std::move(scheduler_urls)) {}

  // At most about 7 seconds, usually milliseconds. Of several schedulers the first that answers speaks for them.
  std::vector<Part> check();

 private:
  Part redis();
  Part kubernetes();

  PooledQueue& queue_;
  runtime::HttpClient& http_;
  const Result<std::unique_ptr<runtime::KubeAccess>>& kube_;
  std::vector<std::string> scheduler_urls_;
};

}  // namespace oppen::console
