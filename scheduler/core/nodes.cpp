#include "scheduler/core/nodes.hpp"

namespace oppen::core {

void Nodes::update(const std::vector<kube::Node>& nodes) {
  known_.clear();
  for (const auto& node : nodes) known_[node.name] = node;
  std::erase_if(missed_since_,
                [this](const auto& missed) { return known_.contains(missed.first); });
}

std::string Nodes::gpu_product(const std::string& node) const {
  const auto found = known_.find(node);
  return found == known_.end() ? "" : found->second.gpu_product;
}

std::optional<Time> Nodes::away_since(const std::string& node, Time now) {
  if (node.empty() || known_.empty()) return std::nullopt;
  const auto found = known_.find(node);
  if (found != known_.end()) return found->second.not_ready_since;
  return missed_since_.try_emplace(node, now).first->second;
}

}  // namespace oppen::core
