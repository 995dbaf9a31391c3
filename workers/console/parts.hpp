#pragma once
// Asks every part how it is: Redis, Kubernetes, the scheduler (and through it Kafka), who leads, and the other workers. Any thread.
#include <future>
#include <memory>
#include <string>
#include <utility>
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
        std::vector<std::string> scheduler_urls,
        std::vector<std::pair<std::string, std::string>> worker_urls)
      : queue_(queue),
        http_(http),
        kube_(kube),
        scheduler_urls_(std::move(scheduler_urls)),
        worker_urls_(std::move(worker_urls)) {}

  // Usually milliseconds: all are asked at once, and have 2 seconds; Redis, which tells who leads, has 5. Of several schedulers the first that answers speaks for
  // them, and the lag is that of the one that lags most.
  std::vector<Part> check();

 private:
  using Answer = std::future<Result<runtime::HttpResponse>>;
  Answer ask(runtime::HttpRequest request);
  Answer ask(const std::string& url);
  Part redis();
  Part kubernetes(Answer answer);

  PooledQueue& queue_;
  runtime::HttpClient& http_;
  const Result<std::unique_ptr<runtime::KubeAccess>>& kube_;
  std::vector<std::string> scheduler_urls_;
  std::vector<std::pair<std::string, std::string>> worker_urls_;
};

}  // namespace oppen::console
