#include "bench/support/cluster.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>
#include <unordered_map>
#include <unordered_set>

#include "bench/support/must.hpp"
#include "scheduler/kube/pod_manifest.hpp"

namespace oppen::bench {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr auto managed_by = "app.kubernetes.io/managed-by";
constexpr auto bare = "oppen-bench";

}  // namespace

struct Cluster::Impl {
  std::string pod_namespace;
  std::unique_ptr<runtime::KubeAccess> access;

  mutable std::mutex mutex;
  std::condition_variable changed;
  bool watching = false;
  std::atomic<bool> stopping{false};
  std::string version;  // of the last event
  std::string rest;     // of the watch: what has come of a line that is not complete
  std::unordered_map<std::string, SteadyClock::time_point> created;
  std::unordered_set<std::string> running;  // or has been
  std::unordered_set<std::string> live;
  std::unordered_set<std::string> bare_pods;
  std::vector<SteadyClock::time_point> creations, ends;  // of the scheduler's pods
  int most_live = 0;

  runtime::HttpClient http;  // last: its thread uses the others

  std::string path(const std::string& resource) const {
    return "/api/v1/namespaces/" + pod_namespace + "/" + resource;
  }

  json send(runtime::HttpRequest request) {
    const auto what = "asking the API server for " + request.method + " " + request.url;
    const auto response = must(http.send(std::move(request)), what);
    if (!response.ok())
      give_up(what, "the answer is " + std::to_string(response.status) + " " + response.body);
    return json::parse(response.body, nullptr, false);
  }

  // From the version on that was seen last. The API server ends a watch whose reader is slow, as it
  // may be on a busy machine: then it is begun again where it ended, and nothing is missed.
  void stream() {
    http.stream(
        access->request("GET", path("pods?watch=true&resourceVersion=" + version)), 3600s,
        [this](std::string_view chunk) {
          on_chunk(chunk);
          return true;
        },
        [this](const Result<runtime::HttpResponse>& end) {
          if (stopping) return;
          if (!end) give_up("watching the pods", end.error().message);
          if (!end->ok()) give_up("watching the pods", end->body);
          rest.clear();
          stream();
        });
  }

  void watch() {
    version = send(access->request("GET", path("pods?limit=1")))["metadata"]["resourceVersion"]
                  .get<std::string>();
    stream();
    std::unique_lock lock(mutex);
    if (!changed.wait_for(lock, 10s, [this] { return watching; }))
      give_up("watching the pods", "the watch did not begin within 10 s");
  }

  void on_chunk(std::string_view chunk) {
    const auto seen = SteadyClock::now();
    const std::lock_guard lock(mutex);
    watching = true;
    rest += chunk;
    std::size_t begin = 0;
    for (auto end = rest.find('\n'); end != std::string::npos; end = rest.find('\n', begin)) {
      on_event(json::parse(rest.substr(begin, end - begin), nullptr, false), seen);
      begin = end + 1;
    }
    rest.erase(0, begin);
    changed.notify_all();
  }

  void on_event(const json& event, SteadyClock::time_point seen) {
    if (!event.is_object() || !event.contains("object") || event.value("type", "") == "ERROR")
      give_up("watching the pods", event.dump());
    const auto& pod = event["object"];
    const auto name = pod["metadata"]["name"].get<std::string>();
    version = pod["metadata"]["resourceVersion"].get<std::string>();
    const auto phase = pod.value("status", json::object()).value("phase", "");
    created.emplace(name, seen);
    if (phase == "Running") running.insert(name);
    const auto manager = pod["metadata"].value("labels", json::object()).value(managed_by, "");
    const bool deleted = event["type"] == "DELETED";
    if (manager == bare) deleted ? void(bare_pods.erase(name)) : void(bare_pods.insert(name));
    if (manager != "oppen") return;
    if (event["type"] == "ADDED") creations.push_back(seen);
    if (deleted || phase == "Succeeded" || phase == "Failed") {
      if (live.erase(name) > 0) ends.push_back(seen);
    } else {
      live.insert(name);
      most_live = std::max(most_live, static_cast<int>(live.size()));
    }
  }
};

Cluster::Cluster(std::string pod_namespace) : impl_(std::make_unique<Impl>()) {
  impl_->pod_namespace = std::move(pod_namespace);
  impl_->access = must(runtime::KubeAccess::from_environment(), "looking for the API server");
  impl_->watch();
}

Cluster::~Cluster() {
  impl_->stopping = true;
  impl_->http.stop();
}

void Cluster::set_policy(const std::string& key, const std::string& value) {
  auto request = impl_->access->request("PATCH", impl_->path("configmaps/scheduling-policies"));
  request.headers.emplace_back("content-type", "application/merge-patch+json");
  request.body = json{{"data", {{key, value}}}}.dump();
  impl_->send(std::move(request));
}

SteadyClock::time_point Cluster::wait_created(const std::string& pod,
                                              std::chrono::seconds deadline) {
  std::unique_lock lock(impl_->mutex);
  if (!impl_->changed.wait_for(lock, deadline, [&] { return impl_->created.contains(pod); }))
    give_up("waiting for pod " + pod,
            "not created within " + std::to_string(deadline.count()) + " s");
  return impl_->created.at(pod);
}

void Cluster::wait_running(const std::string& pod, std::chrono::seconds deadline) {
  std::unique_lock lock(impl_->mutex);
  if (!impl_->changed.wait_for(lock, deadline, [&] { return impl_->running.contains(pod); }))
    give_up("waiting for pod " + pod,
            "not running within " + std::to_string(deadline.count()) + " s");
}

void Cluster::wait_running(std::size_t count, std::chrono::seconds deadline) {
  const auto run = [&] {
    return static_cast<std::size_t>(
        std::count_if(impl_->live.begin(), impl_->live.end(),
                      [&](const std::string& pod) { return impl_->running.contains(pod); }));
  };
  std::unique_lock lock(impl_->mutex);
  if (!impl_->changed.wait_for(lock, deadline, [&] { return run() >= count; })) {
    give_up("waiting for " + std::to_string(count) + " pods to run",
            std::to_string(run()) + " do after " + std::to_string(deadline.count()) + " s");
  }
}

std::vector<SteadyClock::time_point> Cluster::creations() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->creations;
}

std::vector<SteadyClock::time_point> Cluster::ends() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->ends;
}

void Cluster::wait_creations(std::size_t count, std::chrono::seconds deadline) {
  std::unique_lock lock(impl_->mutex);
  if (!impl_->changed.wait_for(lock, deadline, [&] { return impl_->creations.size() >= count; }))
    give_up("waiting for " + std::to_string(count) + " pods",
            "only " + std::to_string(impl_->creations.size()) + " within " +
                std::to_string(deadline.count()) + " s");
}

int Cluster::most_live() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->most_live;
}

void Cluster::reset_most_live() {
  const std::lock_guard lock(impl_->mutex);
  impl_->most_live = static_cast<int>(impl_->live.size());
}

runtime::HttpRequest Cluster::bare_pod(const std::string& name, JobSpec spec) const {
  spec.job_id = name;
  kube::PodContext context;
  context.pod_namespace = impl_->pod_namespace;
  auto pod = json::parse(kube::pod_manifest(spec, context));
  pod["metadata"]["name"] = name;
  pod["metadata"]["labels"][managed_by] = bare;
  pod["metadata"].erase("finalizers");
  auto request = impl_->access->request("POST", impl_->path("pods"));
  request.headers.emplace_back("content-type", "application/json");
  request.body = pod.dump();
  return request;
}

SteadyClock::duration Cluster::post(runtime::HttpRequest request) {
  const auto begin = SteadyClock::now();
  for (;;) {
    const auto response = must(impl_->http.send(request), "creating a bare pod");
    if (response.status == 201) return SteadyClock::now() - begin;
    // Somebody else changed the quota's use at the same moment: every client has to ask again.
    const bool quota_conflict =
        response.status == 409 && response.body.find("resourcequotas") != std::string::npos;
    if (!quota_conflict)
      give_up("creating a bare pod", std::to_string(response.status) + " " + response.body);
  }
}

SteadyClock::duration Cluster::post_all(std::vector<runtime::HttpRequest> requests, int at_once) {
  std::atomic<std::size_t> next{0};
  const auto begin = SteadyClock::now();
  {
    std::vector<std::jthread> senders;
    for (int i = 0; i < at_once; ++i) {
      senders.emplace_back([&] {
        for (auto mine = next++; mine < requests.size(); mine = next++)
          post(std::move(requests[mine]));
      });
    }
  }
  return SteadyClock::now() - begin;
}

void Cluster::delete_bare_pods() {
  auto request = impl_->access->request(
      "DELETE", impl_->path("pods?gracePeriodSeconds=0&labelSelector=" + std::string(managed_by) +
                            "=" + bare));
  request.timeout = 90s;
  const auto end = SteadyClock::now() + 300s;
  for (;;) {
    // The API server gives a request up after a minute; what it has deleted by then is deleted.
    [[maybe_unused]] const auto answer = impl_->http.send(request);
    std::unique_lock lock(impl_->mutex);
    if (impl_->changed.wait_for(lock, 5s, [&] { return impl_->bare_pods.empty(); })) return;
    if (SteadyClock::now() > end)
      give_up("deleting the bare pods",
              std::to_string(impl_->bare_pods.size()) + " are still there");
  }
}

}  // namespace oppen::bench
