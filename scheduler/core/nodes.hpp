#pragma once
// The cluster's nodes as the API server tells of them, and which of them are away. Core's thread.
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "scheduler/core/admission.hpp"
#include "scheduler/kube/kube_api.hpp"
#include "schemas/time.hpp"

namespace oppen::core {

class Nodes {
 public:
  void update(const std::vector<kube::Node>& nodes);

  // The label nvidia.com/gpu.product; "" when it is not known.
  std::string gpu_product(const std::string& node) const;

  // Since when the node has not been Ready, or has not existed as far as is known here; nullopt: it is there. Without any node known
  // (they may not be ours to read) none is away.
  std::optional<Time> away_since(const std::string& node, Time now);

  // Of the nodes that are not cordoned and have said what they offer; never null. Another thread may keep it.
  std::shared_ptr<const NodeSizes> sizes() const { return sizes_; }

 private:
  std::unordered_map<std::string, kube::Node> known_;
  std::shared_ptr<const NodeSizes> sizes_ = std::make_shared<const NodeSizes>();
  std::unordered_map<std::string, Time> missed_since_;  // asked for, and not among the known
};

}  // namespace oppen::core
