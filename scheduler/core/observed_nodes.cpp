#include "scheduler/core/observed_nodes.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "scheduler/core/events.hpp"

namespace oppen::core {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr std::chrono::minutes most_ahead{10};
constexpr std::size_t nodes_at_once = 250;  // in a commit: Redis stands still for some milliseconds
// So long it is known when a node that is gone was told last: longer than the clocks of two leaders differ.
constexpr std::chrono::hours keep_gone{24};

}  // namespace

Status ObservedNodes::load() {
  const auto stored = state_.store.nodes();
  if (!stored) return fail(stored.error());
  for (const auto& [name, text] : *stored) {
    const auto data = json::parse(text, nullptr, false);
    auto node = parse_data<NodeObserved>(data);
    if (!node || !data.value("at", json()).is_number_integer())
      return fail(ErrorKind::fatal, "what was told of node " + name + " is broken in Redis");
    told_[name] = {Time(milliseconds(data["at"].get<std::int64_t>())), std::move(*node)};
  }
  return {};
}

// Stored at once: the offset behind this record may be stored before anything is told.
Result<std::optional<std::string>> ObservedNodes::on_control(const CloudEvent& event,
                                                             Time recorded_at) {
  auto node = parse_data<NodeObserved>(event.data);
  if (!node) return sentences(node.error());
  // Nothing later could be told behind it.
  if (event.time > recorded_at + most_ahead) {
    return FieldError{
        "time", to_rfc3339(event.time),
        "a time at most 10 minutes after the record's own, " + to_rfc3339(recorded_at)}
        .sentence();
  }
  const auto known = told_.find(node->node);
  if (known != told_.end() && event.time <= known->second.at) return std::nullopt;
  const auto name = node->node;
  Told told{event.time, std::move(*node)};
  queue::Changes changes;
  changes.node(name, text_of(told));
  if (auto stored = state_.commit(std::move(changes)); !stored) return fail(stored.error());
  told_[name] = std::move(told);
  looked_at_.clear();
  return std::nullopt;
}

std::string ObservedNodes::text_of(const Told& told) {
  auto stored = to_data(told.node);
  stored["at"] = told.at.time_since_epoch().count();
  return stored.dump(-1, ' ', false, json::error_handler_t::replace);
}

NodeObserved ObservedNodes::observed(const kube::Node& node) const {
  NodeObserved now;
  now.node = node.name;
  now.gpus = static_cast<int>(node.allocatable.gpus / node.gpu_replicas);
  if (now.gpus > 0) now.gpu_type = state_.policy->gpu_type_of(node.gpu_product);
  now.cpu_millicores = node.allocatable.cpu_millicores;
  now.memory_bytes = node.allocatable.memory_bytes;
  now.state = node.not_ready_since ? "not_ready" : node.schedulable ? "ready" : "cordoned";
  now.spot = node.spot;
  return now;
}

Status ObservedNodes::tell() {
  if (nodes_.empty() || (nodes_ == looked_at_ && state_.policy->gpu_products == types_)) return {};
  const auto time = state_.clock.now();
  // Told by a leader whose clock was far ahead: whoever reads would not believe what is told behind that before its time.
  bool left_out = false;
  const auto can_tell = [&](const Told& told) {
    const bool can = told.at <= time + most_ahead;
    left_out |= !can;
    return can;
  };
  std::map<std::string, NodeObserved> changed;
  std::set<std::string> there;
  for (const auto& node : nodes_) {
    there.insert(node.name);
    auto now = observed(node);
    const auto known = told_.find(node.name);
    if (known == told_.end() || (known->second.node != now && can_tell(known->second)))
      changed[node.name] = std::move(now);
  }
  std::vector<std::string> forgotten;
  for (const auto& [name, told] : told_) {
    if (there.contains(name)) continue;
    if (told.node.state != "gone") {
      if (!can_tell(told)) continue;
      auto& gone = changed[name];
      gone.node = name;
      gone.state = "gone";
    } else if (told.at + keep_gone < time) {
      forgotten.push_back(name);
    }
  }
  queue::Changes changes;
  std::vector<std::pair<std::string, Told>> done;
  const auto commit = [&]() -> Status {
    if (changes.empty()) return {};
    if (auto stored = state_.commit(std::exchange(changes, {})); !stored)
      return fail(stored.error());
    for (auto& [name, told] : done) told_[name] = std::move(told);
    done.clear();
    return {};
  };
  for (auto& [name, node] : changed) {
    const auto known = told_.find(name);
    const auto at =
        known == told_.end() ? time : std::max(time, known->second.at + milliseconds(1));
    Told told{at, std::move(node)};
    changes.node(name, text_of(told))
        .event(entry(topics::control, name,
                     fmt::format("node/{}/{}", name, at.time_since_epoch().count()), told.node,
                     at));
    done.emplace_back(name, std::move(told));
    if (done.size() < nodes_at_once) continue;
    if (auto status = commit(); !status) return status;
  }
  for (const auto& name : forgotten) changes.node(name, "");
  if (auto status = commit(); !status) return status;
  for (const auto& name : forgotten) told_.erase(name);
  if (left_out) return {};
  looked_at_ = nodes_;
  types_ = state_.policy->gpu_products;
  return {};
}

}  // namespace oppen::core
