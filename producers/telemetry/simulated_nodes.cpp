#include "producers/telemetry/simulated_nodes.hpp"

#include <charconv>
#include <nlohmann/json.hpp>

namespace oppen::telemetry {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr auto answer_within = 5s;

// 0 where there is none.
int whole(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return 0;
  const auto& text = found->get_ref<const std::string&>();
  int value = 0;
  const auto [rest, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc{} && rest == text.data() + text.size() && value > 0 ? value : 0;
}

}  // namespace

Result<SimulatedNode> parse_node(std::string_view text) {
  const auto object = json::parse(text, nullptr, false);
  const auto part = [&](const char* of, const char* name) {
    const auto pointer = json::json_pointer(std::string("/") + of + "/" + name);
    return object.is_object() && object.contains(pointer) ? object.at(pointer) : json();
  };
  const auto name = part("metadata", "name");
  if (!name.is_string()) {
    return fail(ErrorKind::invalid,
                "the API server's node can't be read: expected JSON with metadata.name");
  }
  SimulatedNode node;
  node.name = name.get<std::string>();
  if (const auto capacity = part("status", "capacity"); capacity.is_object())
    node.gpus = whole(capacity, "nvidia.com/gpu");
  if (const auto labels = part("metadata", "labels"); labels.is_object()) {
    const auto product = labels.find("nvidia.com/gpu.product");
    if (product != labels.end() && product->is_string())
      node.gpu_type = product->get<std::string>();
    node.memory_mb = whole(labels, "nvidia.com/gpu.memory");
  }
  return node;
}

Result<SimulatedNode> SimulatedNodes::ask(const std::string& name) {
  const auto now = std::chrono::steady_clock::now();
  const auto known = known_.find(name);
  if (known != known_.end() && now - known->second.at < known_for_) return known->second.node;
  auto node = get(name);
  if (node) {
    known_[name] = {*node, now};
  } else if (node.error().kind == ErrorKind::not_found) {
    known_.erase(name);
    // Of a source that would be the end of its recording; this node may come again.
    return fail(ErrorKind::unavailable, node.error().message);
  } else if (known != known_.end() && node.error().kind == ErrorKind::unavailable) {
    known->second.at = now;  // not again at once
    return known->second.node;
  }
  return node;
}

Result<SimulatedNode> SimulatedNodes::get(const std::string& name) {
  auto request = access_.request("GET", "/api/v1/nodes/" + name);
  request.timeout = answer_within;
  const auto answer = http_.send(std::move(request));
  if (!answer) return fail(answer.error().in_context("asking for the node " + name));
  if (answer->status == 401) access_.unauthorized();
  if (!answer->ok()) {
    const auto kind = answer->status == 404   ? ErrorKind::not_found
                      : answer->status == 403 ? ErrorKind::refused
                                              : ErrorKind::unavailable;
    return fail(kind, "asking for the node " + name + ": status " + std::to_string(answer->status));
  }
  return parse_node(answer->body);
}

}  // namespace oppen::telemetry
