#pragma once
// What simulated nodes claim to have, asked of the API server now and then. One thread.
#include <chrono>
#include <map>
#include <string>
#include <string_view>

#include "producers/telemetry/following.hpp"
#include "workers/runtime/http_client.hpp"
#include "workers/runtime/kube_access.hpp"

namespace oppen::telemetry {

// From a Node's JSON: capacity nvidia.com/gpu, labels nvidia.com/gpu.product and nvidia.com/gpu.memory (MiB). Errors: invalid. Pure.
Result<SimulatedNode> parse_node(std::string_view text);

class SimulatedNodes {
 public:
  // Needs the right to get nodes.
  explicit SimulatedNodes(const runtime::KubeAccess& access) : access_(access) {}

  // What was known last, if it is less than half a minute old or the API server is away. Errors: unavailable (also: no such node),
  // refused, invalid.
  Result<SimulatedNode> ask(const std::string& name);

 private:
  struct Known {
    SimulatedNode node;
    std::chrono::steady_clock::time_point at;
  };
  Result<SimulatedNode> get(const std::string& name);

  const runtime::KubeAccess& access_;
  runtime::HttpClient http_;
  std::map<std::string, Known> known_;
};

}  // namespace oppen::telemetry
