#pragma once
// The API server, as the bench's administrator sees it: policies, a watch of the pods, and bare
// pods. Calls end the program when the API server refuses.
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "bench/support/samples.hpp"
#include "schemas/job.hpp"
#include "workers/runtime/http_client.hpp"
#include "workers/runtime/kube_access.hpp"

namespace oppen::bench {

class Cluster {
 public:
  // KUBECONFIG says where. Returns when the watch has begun.
  explicit Cluster(std::string pod_namespace);
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  // Changes one key of the ConfigMap scheduling-policies.
  void set_policy(const std::string& key, const std::string& value);

  // When the watch showed that the pod had been created.
  SteadyClock::time_point wait_created(const std::string& pod, std::chrono::seconds deadline);
  void wait_running(const std::string& pod, std::chrono::seconds deadline);
  // Until so many pods of the scheduler run at once.
  void wait_running(std::size_t count, std::chrono::seconds deadline);
  // When the watch showed the creations and the ends of the scheduler's pods, each in their order.
  std::vector<SteadyClock::time_point> creations() const;
  std::vector<SteadyClock::time_point> ends() const;
  // Until so many of them have been created.
  void wait_creations(std::size_t count, std::chrono::seconds deadline);

  // The most pods of the scheduler at once that had not ended, since reset_most_live().
  int most_live() const;
  void reset_most_live();

  // The request that creates a pod of this job's shape which is not the scheduler's, and how long
  // its answer took.
  runtime::HttpRequest bare_pod(const std::string& name, JobSpec spec) const;
  SteadyClock::duration post(runtime::HttpRequest request);
  // Many, so many at a time: from the first request to the last answer.
  SteadyClock::duration post_all(std::vector<runtime::HttpRequest> requests, int at_once);
  void delete_bare_pods();  // returns when they are gone

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace oppen::bench
