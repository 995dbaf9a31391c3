#include "scheduler/core/nodes.hpp"

#include <algorithm>

namespace oppen::core {
namespace {

bool within(const plan::Amounts& small, const plan::Amounts& large) {
  return small.gpus <= large.gpus && small.cpu_millicores <= large.cpu_millicores &&
         small.memory_bytes <= large.memory_bytes;
}

void add_if_largest(std::vector<plan::Amounts>& largest, const plan::Amounts& size) {
  if (std::any_of(largest.begin(), largest.end(),
                  [&](const auto& known) { return within(size, known); }))
    return;
  std::erase_if(largest, [&](const auto& known) { return within(known, size); });
  largest.push_back(size);
}

}  // namespace

void Nodes::update(const std::vector<kube::Node>& nodes) {
  known_.clear();
  NodeSizes sizes;
  for (const auto& node : nodes) {
    known_[node.name] = node;
    // A node that has just come up offers nothing yet.
    if (!node.schedulable || node.allocatable.cpu_millicores == 0) continue;
    add_if_largest(sizes[""], node.allocatable);
    if (!node.gpu_product.empty()) add_if_largest(sizes[node.gpu_product], node.allocatable);
  }
  sizes_ = std::make_shared<const NodeSizes>(std::move(sizes));
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
