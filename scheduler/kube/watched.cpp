#include "scheduler/kube/watched.hpp"

#include <utility>

#include "scheduler/kube/json_read.hpp"
#include "scheduler/kube/pod_parse.hpp"
#include "scheduler/kube/quota_parse.hpp"
#include "workers/runtime/log.hpp"

namespace oppen::kube {
namespace {

std::string name_of(const Json& object) { return text(member(object, "metadata"), "name"); }

bool is_same(const Node& a, const Node& b) {
  return a.ready == b.ready && a.gpu_product == b.gpu_product && a.allocatable == b.allocatable;
}

std::optional<std::map<std::string, std::string>> data_of(const Json& config_map) {
  std::map<std::string, std::string> data;
  const Json& entries = member(config_map, "data");
  if (entries.is_object()) {
    for (const auto& [key, value] : entries.items()) {
      if (value.is_string()) data.emplace(key, value.get<std::string>());
    }
  }
  return data;
}

// Calls a callback that may not have been given.
template <class Callback, class... Args>
void tell(const Callback& callback, Args&&... args) {
  if (callback) callback(std::forward<Args>(args)...);
}

}  // namespace

Watched::Watched(ApiCaller& caller, std::string pod_namespace, KubeEvents events,
                 std::vector<std::string> config_map_names)
    : caller_(caller),
      namespace_path_("/api/v1/namespaces/" + std::move(pod_namespace)),
      events_(std::move(events)),
      config_map_names_(std::move(config_map_names)),
      quota_throttle_(caller.http(), std::chrono::milliseconds{100}, [this] { tell_quotas(); }),
      node_throttle_(caller.http(), std::chrono::seconds{1}, [this] { tell_nodes(); }) {}

void Watched::start() {
  for (const std::string& name : config_map_names_) {
    add({"ConfigMap " + name, namespace_path_ + "/configmaps",
         "fieldSelector=metadata.name%3D" + name},
        config_map(name));
  }
  add({"ResourceQuotas", namespace_path_ + "/resourcequotas"}, quotas());
  add({"LimitRanges", namespace_path_ + "/limitranges"}, limits());
  add({"nodes", "/api/v1/nodes"}, nodes());
  add({"pods", namespace_path_ + "/pods"}, pods());
  for (const auto& watch : watches_) watch->start();
}

void Watched::add(WatchTarget target, WatchSink sink) {
  if (!sink.on_health) {
    const std::size_t index = health_.size();
    health_.emplace_back();
    sink.on_health = [this, index](const Status& status) { on_health(index, status); };
  }
  watches_.push_back(std::make_unique<Watch>(caller_, std::move(target), std::move(sink)));
}

WatchSink Watched::pods() {
  WatchSink sink;
  sink.on_list_begin = [this] { listed_pods_.clear(); };
  sink.on_list_item = [this](const Json& object) { listed_pods_.push_back(parse_pod(object)); };
  sink.on_list_end = [this] { tell(events_.on_pod_list, std::exchange(listed_pods_, {})); };
  sink.on_change = [this](const Json& object, bool deleted) {
    tell(events_.on_pod, parse_pod(object), deleted);
  };
  return sink;
}

WatchSink Watched::quotas() {
  WatchSink sink;
  sink.on_list_begin = [this] { quotas_.clear(); };
  sink.on_list_item = [this](const Json& object) { set_quota(object); };
  sink.on_list_end = [this] { quota_throttle_.ask(); };
  sink.on_change = [this](const Json& object, bool deleted) {
    if (deleted) {
      quotas_.erase(name_of(object));
    } else {
      set_quota(object);
    }
    quota_throttle_.ask();
  };
  return sink;
}

void Watched::set_quota(const Json& object) {
  ParsedQuota parsed = parse_quota(object);
  for (const std::string& note : parsed.ignored) {
    if (logged_quota_notes_.insert(note).second) spdlog::warn("{}", note);
  }
  const std::string name = name_of(object);
  if (parsed.quota) {
    quotas_[name] = std::move(*parsed.quota);
  } else {
    quotas_.erase(name);
  }
}

void Watched::tell_quotas() {
  std::vector<Quota> all;
  for (const auto& [name, quota] : quotas_) all.push_back(quota);
  tell(events_.on_quotas, std::move(all));
}

WatchSink Watched::limits() {
  WatchSink sink;
  sink.on_list_begin = [this] { limits_.clear(); };
  sink.on_list_item = [this](const Json& object) {
    limits_[name_of(object)] = parse_limit_range(object);
  };
  sink.on_list_end = [this] { tell_limits(); };
  sink.on_change = [this](const Json& object, bool deleted) {
    if (deleted) {
      limits_.erase(name_of(object));
    } else {
      limits_[name_of(object)] = parse_limit_range(object);
    }
    tell_limits();
  };
  return sink;
}

void Watched::tell_limits() {
  PodLimits all;
  for (const auto& [name, limits] : limits_) all = tightest(all, limits);
  tell(events_.on_limits, all);
}

WatchSink Watched::nodes() {
  WatchSink sink;
  sink.on_health = [this](const Status& status) { on_node_health(status); };
  sink.on_list_begin = [this] { nodes_.clear(); };
  sink.on_list_item = [this](const Json& object) { nodes_[name_of(object)] = parse_node(object); };
  sink.on_list_end = [this] { node_throttle_.ask(); };
  sink.on_change = [this](const Json& object, bool deleted) {
    const std::string name = name_of(object);
    if (deleted) {
      if (nodes_.erase(name) == 0) return;
    } else {
      // Most changes of a node are signs of life.
      Node node = parse_node(object);
      const auto known = nodes_.find(name);
      if (known != nodes_.end() && is_same(known->second, node)) return;
      nodes_[name] = std::move(node);
    }
    node_throttle_.ask();
  };
  return sink;
}

void Watched::tell_nodes() {
  std::vector<Node> all;
  for (const auto& [name, node] : nodes_) all.push_back(node);
  tell(events_.on_nodes, std::move(all));
}

WatchSink Watched::config_map(const std::string& name) {
  struct Listed {
    std::optional<std::map<std::string, std::string>> data;
  };
  auto listed = std::make_shared<Listed>();
  WatchSink sink;
  sink.on_list_begin = [listed] { listed->data.reset(); };
  sink.on_list_item = [listed](const Json& object) { listed->data = data_of(object); };
  sink.on_list_end = [this, listed, name] {
    tell(events_.on_config_map, name, std::exchange(listed->data, {}));
  };
  sink.on_change = [this, name](const Json& object, bool deleted) {
    tell(events_.on_config_map, name, deleted ? std::nullopt : data_of(object));
  };
  return sink;
}

void Watched::on_health(std::size_t index, const Status& status) {
  if (ending_) return;
  health_[index] = status;
  Status all;
  for (const auto& one : health_) {
    if (!one && all) return;  // some are not known yet, and nothing is known to be wrong
    if (one && !*one && all) all = *one;
  }
  // One sentence for an outage, not one for each watch that it ends; but "forbidden" after "no
  // answer" is news.
  const std::optional<ErrorKind> problem = all ? std::nullopt : std::optional(all.error().kind);
  if (told_health_ && *told_health_ == problem) return;
  if (problem) {
    spdlog::warn("{}", all.error().message);
  } else if (told_health_) {
    spdlog::info("the Kubernetes API server answers again");
  }
  told_health_ = problem;
  tell(events_.on_health, std::move(all));
}

void Watched::on_node_health(const Status& status) {
  // That nodes can't be read for the same reason as everything else, the others say.
  if (ending_ || status || status.error().kind != ErrorKind::refused || nodes_refused_) return;
  nodes_refused_ = true;
  spdlog::warn("{}: goes on without them", status.error().message);
  node_throttle_.ask();  // nobody waits for what may never come
}

}  // namespace oppen::kube
