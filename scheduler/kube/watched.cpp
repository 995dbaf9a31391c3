#include "scheduler/kube/watched.hpp"

#include <utility>

#include "scheduler/kube/json_read.hpp"
#include "scheduler/kube/pod_parse.hpp"
#include "scheduler/kube/quota_parse.hpp"
#include "workers/runtime/log.hpp"

namespace oppen::kube {
namespace {

std::string name_of(const Json& object) { return text(member(object, "metadata"), "name"); }

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

template <class T>
std::vector<T> values_of(const Collected<T>& objects) {
  std::vector<T> all;
  for (const auto& [name, value] : objects.known) all.push_back(value);
  return all;
}

// Keeps `objects`, and calls `changed` when they are others than before: most changes of a node are
// only signs of life.
template <class T>
WatchSink collecting(Collected<T>& objects, std::function<std::optional<T>(const Json&)> parse,
                     const std::function<void()>& changed) {
  WatchSink sink;
  sink.on_list_begin = [&objects] { objects.listed.clear(); };
  sink.on_list_item = [&objects, parse](const Json& object) {
    if (auto value = parse(object))
      objects.listed.insert_or_assign(name_of(object), std::move(*value));
  };
  sink.on_list_end = [&objects, changed] {
    objects.known = std::exchange(objects.listed, {});
    changed();
  };
  sink.on_change = [&objects, parse, changed](const Json& object, bool deleted) {
    const std::string name = name_of(object);
    auto value = deleted ? std::nullopt : parse(object);
    const auto known = objects.known.find(name);
    if (value) {
      if (known != objects.known.end() && known->second == *value) return;
      objects.known.insert_or_assign(name, std::move(*value));
    } else if (known != objects.known.end()) {
      objects.known.erase(known);
    } else {
      return;
    }
    changed();
  };
  return sink;
}

}  // namespace

Watched::Watched(ApiCaller& caller, std::string pod_namespace, KubeEvents events,
                 std::vector<std::string> config_map_names)
    : caller_(caller),
      namespace_path_("/api/v1/namespaces/" + std::move(pod_namespace)),
      events_(std::move(events)),
      config_map_names_(std::move(config_map_names)),
      quota_throttle_(caller.http(), std::chrono::milliseconds{100},
                      [this] { tell(events_.on_quotas, values_of(quotas_)); }),
      node_throttle_(caller.http(), std::chrono::seconds{1},
                     [this] { tell(events_.on_nodes, values_of(nodes_)); }),
      pulse_(caller, health_part()) {}

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
  pulse_.start();
}

void Watched::add(WatchTarget target, WatchSink sink) {
  if (!sink.on_health) sink.on_health = health_part();
  watches_.push_back(std::make_unique<Watch>(caller_, std::move(target), std::move(sink)));
}

std::function<void(const Status&)> Watched::health_part() {
  health_.emplace_back();
  return [this, index = health_.size() - 1](const Status& status) { on_health(index, status); };
}

WatchSink Watched::pods() {
  WatchSink sink;
  sink.on_list_begin = [this] {
    listed_pods_.clear();
    tell(events_.on_pod_list_begin);
  };
  sink.on_list_item = [this](const Json& object) { listed_pods_.push_back(parse_pod(object)); };
  sink.on_list_end = [this] { tell(events_.on_pod_list, std::exchange(listed_pods_, {})); };
  sink.on_change = [this](const Json& object, bool deleted) {
    tell(events_.on_pod, parse_pod(object), deleted);
  };
  return sink;
}

WatchSink Watched::quotas() {
  WatchSink sink = collecting<Quota>(
      quotas_, [this](const Json& object) { return quota_in(object); },
      [this] { quota_throttle_.ask(); });
  // Also of a quota that is left to the API server: a launch that it refused may succeed now.
  sink.on_change = [this, keep = sink.on_change](const Json& object, bool deleted) {
    keep(object, deleted);
    quota_throttle_.ask();
  };
  return sink;
}

std::optional<Quota> Watched::quota_in(const Json& object) {
  ParsedQuota parsed = parse_quota(object);
  for (const std::string& note : parsed.ignored) {
    if (logged_quota_notes_.insert(note).second) spdlog::warn("{}", note);
  }
  return std::move(parsed.quota);
}

WatchSink Watched::limits() {
  return collecting<PodLimits>(limits_, parse_limit_range, [this] {
    PodLimits all;
    for (const auto& [name, limits] : limits_.known) all = tightest(all, limits);
    tell(events_.on_limits, all);
  });
}

WatchSink Watched::nodes() {
  WatchSink sink = collecting<Node>(nodes_, parse_node, [this] { node_throttle_.ask(); });
  sink.on_health = [this](const Status& status) { on_node_health(status); };
  return sink;
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
  nodes_.known.clear();  // what was known grows wrong
  node_throttle_.ask();  // nobody waits for what may never come
}

}  // namespace oppen::kube
