#include "workers/console/nodes.hpp"

#include <nlohmann/json.hpp>

#include "schemas/units.hpp"

namespace oppen::console {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr auto nodes_patience = 2s;
constexpr auto nodes_fresh = 10s;  // nodes come and go in minutes

std::string text_in(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

json object_in(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_object() ? *found : json::object();
}

NodeRoom room_of(const json& item) {
  const json metadata = object_in(item, "metadata");
  const json status = object_in(item, "status");
  const json allocatable = object_in(status, "allocatable");
  NodeRoom node;
  node.name = text_in(metadata, "name");
  node.gpu_product = text_in(object_in(metadata, "labels"), "nvidia.com/gpu.product");
  node.gpus = parse_bytes(text_in(allocatable, "nvidia.com/gpu")).value_or(0);
  node.cpu_millicores = parse_millicores(text_in(allocatable, "cpu")).value_or(0);
  node.memory_bytes = parse_bytes(text_in(allocatable, "memory")).value_or(0);
  for (const json& condition : status.value("conditions", json::array())) {
    if (condition.is_object() && text_in(condition, "type") == "Ready")
      node.ready = text_in(condition, "status") == "True";
  }
  const json spec = object_in(item, "spec");
  const auto cordoned = spec.find("unschedulable");
  if (cordoned != spec.end() && *cordoned == true) node.ready = false;
  return node;
}

}  // namespace

Result<ClusterRoom> parse_nodes(std::string_view list) {
  const json body = json::parse(list, nullptr, false);
  if (!body.is_object() || !body.contains("items") || !body["items"].is_array())
    return fail(ErrorKind::invalid, "what the Kubernetes API answers is no list of nodes");
  ClusterRoom room;
  for (const json& item : body["items"]) {
    if (item.is_object()) room.nodes.push_back(room_of(item));
  }
  room.all = text_in(object_in(body, "metadata"), "continue").empty();
  return room;
}

Result<ClusterRoom> Nodes::room() {
  const std::lock_guard lock(mutex_);
  if (known_ && std::chrono::steady_clock::now() < read_at_ + nodes_fresh) return *known_;
  known_.reset();
  auto room = read();
  if (!room) return room;
  known_ = *room;
  read_at_ = std::chrono::steady_clock::now();
  return room;
}

Result<ClusterRoom> Nodes::read() {
  const std::string knob = "the Kubernetes API (setting KUBECONFIG)";
  if (!kube_)
    return fail(ErrorKind::unavailable,
                "not known where " + knob + " is: " + kube_.error().message);
  // Without resourceVersion=0, with which the API server answers from its cache and knows no limit.
  auto request = (*kube_)->request("GET", "/api/v1/nodes?limit=" + std::to_string(most_nodes));
  request.timeout = nodes_patience;
  const auto response = http_.send(std::move(request));
  if (!response && response.error().kind == ErrorKind::invalid)
    return fail(ErrorKind::invalid, "of " + knob + ": " + response.error().message);
  if (!response)
    return fail(ErrorKind::unavailable, knob + " does not answer: " + response.error().message);
  if (response->status == 401) (*kube_)->unauthorized();
  if (response->status == 403)
    return fail(ErrorKind::refused,
                "the console lacks the right to list nodes (deploy/kubernetes/console-rbac.yaml)");
  if (!response->ok())
    return fail(ErrorKind::unavailable, knob + ": status " + std::to_string(response->status));
  return parse_nodes(response->body);
}

}  // namespace oppen::console
