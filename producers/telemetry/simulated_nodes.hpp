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
  // Needs the right to get nodes, and asks for each again when what it knows is as old as `known_for`.
  explicit SimulatedNodes(const runtime::KubeAccess& access,
                          std::chrono::milliseconds known_for = std::chrono::seconds(30))
      : access_(access), known_for_(known_for) {}

  // What was known last, if it is younger than that or the API server is away. Errors: unavailable (also: no such node, or none any
  // more), refused, invalid.
  Result<SimulatedNode> ask(const std::string& name);

 private:
  struct Known {
    SimulatedNode node;
    std::chrono::steady_clock::time_point at;
  };
  // Errors: as ask's; not_found.
  Result<SimulatedNode> get(const std::string& name);

  const runtime::KubeAccess& access_;
  const std::chrono::milliseconds known_for_;
  runtime::HttpClient http_;
  std::map<std::string, Known> known_;
};

}  // namespace oppen::telemetry
