#pragma once
// What the cluster's nodes have room for, from the Kubernetes API. Any thread.
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/error.hpp"
#include "workers/runtime/http_client.hpp"
#include "workers/runtime/kube_access.hpp"

namespace oppen::console {

struct NodeRoom {
  std::string name;
  bool ready = false;       // and not cordoned
  std::string gpu_product;  // its label nvidia.com/gpu.product
  // Allocatable.
  std::int64_t gpus = 0;
  std::int64_t cpu_millicores = 0;
  std::int64_t memory_bytes = 0;
};

struct ClusterRoom {
  std::vector<NodeRoom> nodes;
  bool all = true;  // false: the cluster has more nodes than are asked for
};

// From a NodeList. Errors: invalid, when it is none.
Result<ClusterRoom> parse_nodes(std::string_view list);

inline constexpr int most_nodes = 500;  // asked for: each is some kilobytes of JSON

class Nodes {
 public:
  // Both must outlive this.
  Nodes(runtime::HttpClient& http, const Result<std::unique_ptr<runtime::KubeAccess>>& kube)
      : http_(http), kube_(kube) {}

  // As of at most 10 seconds ago; within 2 seconds. Errors: unavailable; invalid, when what is answered is too large or no list of
  // nodes; refused, when the console may not read nodes.
  Result<ClusterRoom> room();

 private:
  Result<ClusterRoom> read();

  runtime::HttpClient& http_;
  const Result<std::unique_ptr<runtime::KubeAccess>>& kube_;
  std::mutex mutex_;
  std::optional<ClusterRoom> known_;
  std::chrono::steady_clock::time_point read_at_;
};

}  // namespace oppen::console
