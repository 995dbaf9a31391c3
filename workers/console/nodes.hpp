#pragma once
// What the cluster's nodes have room for, from the Kubernetes API. Any thread.
#include <cstdint>
#include <memory>
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

// Within 2 seconds. Errors: unavailable; refused, when the console may not read nodes.
Result<ClusterRoom> read_nodes(runtime::HttpClient& http,
                               const Result<std::unique_ptr<runtime::KubeAccess>>& kube);

}  // namespace oppen::console
