#include "tests/support/fake_kube.hpp"

#include <nlohmann/json.hpp>
#include <utility>

#include "scheduler/kube/pod_parse.hpp"

namespace oppen::test {
namespace {

bool same_attempt(const kube::Pod& a, const kube::Pod& b) {
  return a.managed && a.job_id == b.job_id && a.attempt == b.attempt && a.spec_hash == b.spec_hash;
}

template <class T>
std::optional<T> take_front(std::deque<T>& queue) {
  if (queue.empty()) return std::nullopt;
  T front = std::move(queue.front());
  queue.pop_front();
  return front;
}

}  // namespace

void FakeKube::start(kube::KubeEvents events, std::vector<std::string> config_map_names) {
  events_ = std::move(events);
  started_ = true;
  config_map_names_ = std::move(config_map_names);
  if (events_.on_health) events_.on_health(health_);
  for (const std::string& name : config_map_names_) {
    if (events_.on_config_map) events_.on_config_map(name, config_maps_[name]);
  }
  if (events_.on_quotas) events_.on_quotas(quotas_);
  if (events_.on_limits) events_.on_limits(limits_);
  if (events_.on_nodes) events_.on_nodes(nodes_);
  relist();
}

void FakeKube::launch(const std::string& pod_name, std::string manifest_json,
                      std::chrono::milliseconds deadline,
                      std::function<void(kube::LaunchOutcome)> done) {
  launches_.push_back({pod_name, manifest_json, deadline});
  std::optional<ScriptedLaunch> script = take_front(scripted_launches_);
  answer([this, pod_name, manifest = std::move(manifest_json), script = std::move(script),
          done = std::move(done)] {
    const bool creates = !script || script->creates;
    if (!creates) return done(script->outcome);
    if (abandoned_.contains(pod_name))
      return done({kube::LaunchResult::unavailable, "abandoned", {}});

    const kube::Pod wanted = created_from(pod_name, manifest);
    const auto [position, is_new] = pods_.emplace(pod_name, wanted);
    const kube::Pod found = position->second;
    if (is_new) tell(found, false);
    if (script && script->outcome.result != kube::LaunchResult::launched)
      return done(script->outcome);
    if (same_attempt(found, wanted) && (!found.deleting || found.terminal())) {
      return done({kube::LaunchResult::launched, "", found});
    }
    done({kube::LaunchResult::clash, "pods \"" + pod_name + "\" already exists", found});
  });
}

void FakeKube::check(std::string manifest_json, std::chrono::milliseconds /*deadline*/,
                     std::function<void(Status)> done) {
  checks_.push_back(std::move(manifest_json));
  answer([script = take_front(scripted_checks_), done = std::move(done)] {
    done(script.value_or(Status()));
  });
}

void FakeKube::remove(const std::string& pod_name, const std::string& uid,
                      std::chrono::seconds grace, std::function<void(Status)> done) {
  removals_.push_back({pod_name, uid, grace});
  answer([this, pod_name, uid, script = take_front(scripted_removes_), done = std::move(done)] {
    if (script && !*script) return done(*script);
    const auto found = pods_.find(pod_name);
    if (found != pods_.end() && found->second.uid == uid) start_deleting(pod_name);
    done({});
  });
}

void FakeKube::release(const std::string& pod_name, const std::string& uid,
                       std::function<void(Status)> done) {
  releases_.push_back({pod_name, uid});
  answer([this, pod_name, uid, script = take_front(scripted_releases_), done = std::move(done)] {
    if (script && !*script) return done(*script);
    const auto found = pods_.find(pod_name);
    if (found != pods_.end() && found->second.uid == uid && found->second.has_finalizer) {
      found->second.has_finalizer = false;
      const bool gone = found->second.deleting;
      const kube::Pod pod = found->second;
      if (gone) pods_.erase(found);
      tell(pod, gone);
    }
    done({});
  });
}

void FakeKube::script_launch(kube::LaunchResult result, std::string message) {
  scripted_launches_.push_back(
      {{result, std::move(message), std::nullopt}, result == kube::LaunchResult::launched});
}

void FakeKube::script_lost_launch() {
  scripted_launches_.push_back(
      {{kube::LaunchResult::unavailable, "the answer was lost", std::nullopt}, true});
}

void FakeKube::script_remove(Status status) { scripted_removes_.push_back(std::move(status)); }
void FakeKube::script_release(Status status) { scripted_releases_.push_back(std::move(status)); }

void FakeKube::release_answers() {
  while (!held_.empty()) {
    const auto callback = std::move(held_.front());
    held_.pop_front();
    callback();
  }
}

kube::Pod& FakeKube::pod(const std::string& name) { return pods_.at(name); }

void FakeKube::add_pod(kube::Pod pod) {
  const std::string name = pod.name;
  if (pod.uid.empty()) pod.uid = "uid-" + std::to_string(next_uid_++);
  pods_[name] = std::move(pod);
  notify(name);
}

void FakeKube::run(const std::string& name, Time at, const std::string& node) {
  kube::Pod& pod = pods_.at(name);
  pod.phase = "Running";
  pod.node = node;
  pod.started_at = at;
  pod.reason.clear();
  pod.message.clear();
  notify(name);
}

void FakeKube::succeed(const std::string& name, Time at, const std::string& termination_message) {
  kube::Pod& pod = pods_.at(name);
  pod.phase = "Succeeded";
  pod.finished_at = at;
  pod.exit_code = 0;
  pod.reason = "Completed";
  pod.termination_message = termination_message;
  notify(name);
}

void FakeKube::fail(const std::string& name, Time at, int exit_code, const std::string& reason,
                    const std::string& message) {
  kube::Pod& pod = pods_.at(name);
  pod.phase = "Failed";
  pod.finished_at = at;
  pod.exit_code = exit_code;
  pod.reason = reason;
  pod.message = message;
  notify(name);
}

void FakeKube::cannot_start(const std::string& name, const std::string& reason,
                            const std::string& message) {
  kube::Pod& pod = pods_.at(name);
  pod.phase = "Pending";
  pod.reason = reason;
  pod.message = message;
  notify(name);
}

void FakeKube::delete_by_hand(const std::string& name) {
  pods_.at(name);  // a test that deletes what isn't there is wrong
  start_deleting(name);
}

void FakeKube::notify(const std::string& name) { tell(pods_.at(name), false); }

void FakeKube::relist() {
  std::vector<kube::Pod> all;
  for (const auto& [name, pod] : pods_) all.push_back(pod);
  if (started_ && events_.on_pod_list_begin) events_.on_pod_list_begin();
  if (started_ && events_.on_pod_list) events_.on_pod_list(std::move(all));
}

void FakeKube::set_quotas(std::vector<kube::Quota> quotas) {
  quotas_ = std::move(quotas);
  if (started_ && events_.on_quotas) events_.on_quotas(quotas_);
}

void FakeKube::set_limits(kube::PodLimits limits) {
  limits_ = limits;
  if (started_ && events_.on_limits) events_.on_limits(limits_);
}

void FakeKube::set_nodes(std::vector<kube::Node> nodes) {
  nodes_ = std::move(nodes);
  if (started_ && events_.on_nodes) events_.on_nodes(nodes_);
}

void FakeKube::set_config_map(const std::string& name,
                              std::optional<std::map<std::string, std::string>> data) {
  config_maps_[name] = std::move(data);
  for (const std::string& watched : config_map_names_) {
    if (watched == name && events_.on_config_map) events_.on_config_map(name, config_maps_[name]);
  }
}

void FakeKube::set_health(Status health) {
  health_ = std::move(health);
  if (started_ && events_.on_health) events_.on_health(health_);
}

void FakeKube::answer(std::function<void()> callback) {
  if (holding_) {
    held_.push_back(std::move(callback));
  } else {
    callback();
  }
}

void FakeKube::tell(const kube::Pod& pod, bool deleted) {
  if (started_ && events_.on_pod) events_.on_pod(pod, deleted);
}

kube::Pod FakeKube::created_from(const std::string& name, const std::string& manifest_json) {
  kube::Pod pod = kube::parse_pod(nlohmann::json::parse(manifest_json));
  pod.name = name;
  pod.uid = "uid-" + std::to_string(next_uid_++);
  pod.phase = "Pending";
  return pod;
}

void FakeKube::start_deleting(const std::string& name) {
  const auto found = pods_.find(name);
  found->second.deleting = true;
  const kube::Pod pod = found->second;
  if (!pod.has_finalizer) pods_.erase(found);
  tell(pod, !pod.has_finalizer);
}

}  // namespace oppen::test
