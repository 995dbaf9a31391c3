// Proves the Kubernetes client against a real API server, over TLS and HTTP/2: a pod's life from
// launch to release, launching twice, quotas, limits and refusals with the server's real words, and
// the rights that the scheduler's role really gives.
//
// Needs a cluster with simulated nodes: KUBECONFIG (an administrator) and KUBECONFIG_SCHEDULER (the
// scheduler's own rights), as tests/support/stack writes them. Works in a namespace of its own.
#include "scheduler/kube/kube_client.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <future>
#include <mutex>
#include <nlohmann/json.hpp>

#include "scheduler/kube/pod_manifest.hpp"

namespace oppen::kube {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::SizeIs;

constexpr std::chrono::seconds patience{60};

std::unique_ptr<runtime::KubeAccess> access_from(const char* variable) {
  const char* path = std::getenv(variable);
  if (path == nullptr)
    throw std::runtime_error(std::string(variable) + " is not set: run this by tests/run");
  auto access = runtime::KubeAccess::from_kubeconfig(path);
  if (!access) throw std::runtime_error(access.error().message);
  return std::move(*access);
}

// What an administrator does to the cluster beside the client.
class Admin {
 public:
  json call(const std::string& method, const std::string& path, const json& body = nullptr,
            const std::string& type = "application/json") {
    runtime::HttpRequest request = access_->request(method, path);
    request.headers.emplace_back("Content-Type", type);
    if (!body.is_null()) request.body = body.dump();
    const auto answer = http_.send(request);
    if (!answer) throw std::runtime_error(answer.error().message);
    if (!answer->ok()) throw std::runtime_error(method + " " + path + ": " + answer->body);
    return json::parse(answer->body);
  }

 private:
  std::unique_ptr<runtime::KubeAccess> access_ = access_from("KUBECONFIG");
  runtime::HttpClient http_;
};

// Everything that a client has told, to be waited on.
class World {
 public:
  KubeEvents events() {
    KubeEvents events;
    events.on_pod_list = [this](std::vector<Pod> all) {
      change([&] {
        pods.clear();
        for (Pod& pod : all) {
          told.push_back(pod);
          pods[pod.name] = std::move(pod);
        }
        listed = true;
      });
    };
    events.on_pod = [this](Pod pod, bool deleted) {
      change([&] {
        told.push_back(pod);
        if (deleted) {
          pods.erase(pod.name);
        } else {
          pods[pod.name] = std::move(pod);
        }
      });
    };
    events.on_quotas = [this](std::vector<Quota> all) { change([&] { quotas = std::move(all); }); };
    events.on_limits = [this](PodLimits all) { change([&] { limits = all; }); };
    events.on_nodes = [this](std::vector<Node> all) { change([&] { nodes = std::move(all); }); };
    events.on_config_map = [this](const std::string& name,
                                  std::optional<std::map<std::string, std::string>> data) {
      change([&] { config_maps[name] = std::move(data); });
    };
    events.on_health = [this](const Status& status) {
      change([&] { health = status ? "ok" : status.error().message; });
    };
    return events;
  }

  // Waits until `holds`, called with what is known, says so.
  void await(const std::string& what, const std::function<bool()>& holds) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, patience, holds))
      throw std::runtime_error("waited in vain for: " + what);
  }
  // The first that was told of it for which `holds`: it may be another one before this thread comes to look.
  Pod await_pod(const std::string& name, const std::string& what,
                const std::function<bool(const Pod&)>& holds) {
    Pod found;
    await("pod " + name + ": " + what, [&] {
      const auto position = std::find_if(
          told.begin(), told.end(), [&](const Pod& pod) { return pod.name == name && holds(pod); });
      if (position == told.end()) return false;
      found = *position;
      return true;
    });
    return found;
  }

  std::map<std::string, Pod> pods;
  std::vector<Pod> told;  // each state of each pod, in order
  bool listed = false;
  std::vector<Quota> quotas;
  std::optional<PodLimits> limits;
  std::vector<Node> nodes;
  std::map<std::string, std::optional<std::map<std::string, std::string>>> config_maps;
  std::string health;

 private:
  void change(const std::function<void()>& apply) {
    const std::lock_guard lock(mutex_);
    apply();
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
};

LaunchOutcome launch(KubeClient& client, const std::string& name, const std::string& manifest,
                     std::chrono::milliseconds deadline = patience) {
  auto outcome = std::make_shared<std::promise<LaunchOutcome>>();
  client.launch(name, manifest, deadline,
                [outcome](LaunchOutcome o) { outcome->set_value(std::move(o)); });
  return outcome->get_future().get();
}

Status wait_for(const std::function<void(std::function<void(Status)>)>& call) {
  auto status = std::make_shared<std::promise<Status>>();
  call([status](Status s) { status->set_value(std::move(s)); });
  return status->get_future().get();
}

class KubeClientTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    name_space = "kube-client-" + std::to_string(getpid());
    Admin().call("POST", "/api/v1/namespaces", {{"metadata", {{"name", name_space}}}});
  }
  static void TearDownTestSuite() { Admin().call("DELETE", "/api/v1/namespaces/" + name_space); }

  void SetUp() override {
    client = std::make_unique<KubeClient>(access_from("KUBECONFIG"), name_space);
    client->start(world.events(), {});
    world.await("the client to be connected",
                [this] { return world.health == "ok" && world.listed; });
  }
  // Leaves no pod behind: a finalizer would keep the namespace for ever.
  void TearDown() override {
    // What the server has: the client may not have heard of the last pod yet.
    const json left = admin.call("GET", path("/pods"));
    for (const json& pod : left["items"]) {
      const std::string name = pod["metadata"]["name"];
      const std::string uid = pod["metadata"]["uid"];
      EXPECT_TRUE(remove(name, uid));
      EXPECT_TRUE(release(name, uid));
    }
    world.await("the namespace to be empty", [this] { return world.pods.empty(); });
    client.reset();
  }

  std::string manifest(const std::string& job, std::map<std::string, std::string> env = {},
                       const std::string& hash = "h") const {
    JobSpec spec;
    spec.job_id = job;
    spec.model_type = "simulated";
    spec.image = "simulated:1";
    spec.resources.gpus = 0;
    spec.resources.cpu_millicores = 100;
    spec.resources.memory_bytes = 64 << 20;
    spec.env = std::move(env);
    PodContext context;
    context.pod_namespace = name_space;
    context.spec_hash = hash;
    context.pod_template_json = R"({"nodeSelector": {"type": "kwok"}})";
    return pod_manifest(spec, context);
  }
  LaunchOutcome launch_job(const std::string& job, std::map<std::string, std::string> env = {
                                                       {"SIMULATED_DURATION", "1h"}}) {
    return launch(*client, pod_name(job, 1), manifest(job, std::move(env)));
  }
  Status remove(const std::string& name, const std::string& uid) {
    return wait_for(
        [&](const auto& done) { client->remove(name, uid, std::chrono::seconds{1}, done); });
  }
  Status release(const std::string& name, const std::string& uid) {
    return wait_for([&](const auto& done) { client->release(name, uid, done); });
  }
  std::string path(const std::string& rest) const {
    return "/api/v1/namespaces/" + name_space + rest;
  }

  static std::string name_space;
  Admin admin;
  World world;
  std::unique_ptr<KubeClient> client;
};
std::string KubeClientTest::name_space;

TEST_F(KubeClientTest, SeesAPodThroughToItsEndAndLetsGo) {
  const LaunchOutcome launched =
      launch_job("a", {{"SIMULATED_DURATION", "1s"}, {"SIMULATED_METRICS", R"({"accuracy":0.9})"}});
  ASSERT_EQ(launched.result, LaunchResult::launched) << launched.message;
  EXPECT_EQ(launched.pod->job_id, "a");
  EXPECT_TRUE(launched.pod->has_finalizer);

  const Pod running =
      world.await_pod("a-1", "to run", [](const Pod& pod) { return pod.phase == "Running"; });
  EXPECT_EQ(running.uid, launched.pod->uid);
  EXPECT_TRUE(running.started_at);
  EXPECT_NE(running.node, "");

  const Pod done = world.await_pod("a-1", "to end", [](const Pod& pod) { return pod.terminal(); });
  EXPECT_EQ(done.phase, "Succeeded");
  EXPECT_EQ(done.exit_code, 0);
  EXPECT_EQ(done.termination_message, R"({"accuracy":0.9})");
  EXPECT_TRUE(done.finished_at);

  ASSERT_TRUE(remove("a-1", done.uid));
  world.await_pod("a-1", "to be held", [](const Pod& pod) { return pod.deleting; });
  ASSERT_TRUE(release("a-1", done.uid));
  world.await("the pod to be gone", [this] { return !world.pods.contains("a-1"); });
  EXPECT_TRUE(release("a-1", done.uid));
  EXPECT_TRUE(remove("a-1", done.uid));
}

TEST_F(KubeClientTest, LaunchingTwiceIsLaunchingOnce) {
  const LaunchOutcome first = launch_job("b");
  ASSERT_EQ(first.result, LaunchResult::launched) << first.message;
  const LaunchOutcome second = launch_job("b");
  ASSERT_EQ(second.result, LaunchResult::launched) << second.message;
  EXPECT_EQ(first.pod->uid, second.pod->uid);
  const LaunchOutcome other = launch(*client, "b-1", manifest("b", {}, "other"));
  EXPECT_EQ(other.result, LaunchResult::clash);
  EXPECT_EQ(other.pod->uid, first.pod->uid);
}

TEST_F(KubeClientTest, ChangesOnlyThePodThatIsMeant) {
  const LaunchOutcome launched = launch_job("c");
  ASSERT_EQ(launched.result, LaunchResult::launched) << launched.message;
  const std::string other_uid = "00000000-0000-0000-0000-000000000000";
  EXPECT_TRUE(remove("c-1", other_uid));
  EXPECT_TRUE(release("c-1", other_uid));
  const json untouched = admin.call("GET", path("/pods/c-1"));
  EXPECT_FALSE(untouched["metadata"].contains("deletionTimestamp"));
  EXPECT_EQ(untouched["metadata"]["finalizers"], json::array({"oppen.dev/reported"}));

  admin.call(
      "PATCH", path("/pods/c-1"),
      json::parse(
          R"([{"op": "add", "path": "/metadata/finalizers/0", "value": "example.com/first"}])"),
      "application/json-patch+json");
  EXPECT_TRUE(release("c-1", launched.pod->uid));
  const json released = admin.call("GET", path("/pods/c-1"));
  EXPECT_EQ(released["metadata"]["finalizers"], json::array({"example.com/first"}));
  admin.call("PATCH", path("/pods/c-1"), json::parse(R"({"metadata": {"finalizers": null}})"),
             "application/merge-patch+json");
}

TEST_F(KubeClientTest, WaitsForQuotaAndHearsWhenItChanges) {
  admin.call("POST", path("/resourcequotas"),
             {{"metadata", {{"name", "few"}}}, {"spec", {{"hard", {{"pods", "1"}}}}}});
  world.await("the quota to be counted",
              [this] { return world.quotas.size() == 1 && world.quotas[0].used.contains("pods"); });
  // The API server learns of a quota, and of its change, a moment later than it is there.
  LaunchOutcome over;
  for (int i = 0; i < 100 && over.result != LaunchResult::over_quota; ++i) {
    over = launch_job("d" + std::to_string(i));
  }
  EXPECT_EQ(over.result, LaunchResult::over_quota);
  EXPECT_THAT(over.message, HasSubstr("exceeded quota: few"));
  world.await("the quota's use", [this] { return world.quotas[0].used["pods"] >= 1; });

  admin.call("PATCH", path("/resourcequotas/few"), {{"spec", {{"hard", {{"pods", "100"}}}}}},
             "application/merge-patch+json");
  world.await("the larger quota", [this] { return world.quotas[0].hard["pods"] == 100; });
  for (int i = 0; i < 100 && over.result != LaunchResult::launched; ++i) {
    over = launch_job("e" + std::to_string(i));
  }
  EXPECT_EQ(over.result, LaunchResult::launched) << over.message;

  // Fifty writers that count the same quota run into each other's changes.
  std::vector<std::future<LaunchOutcome>> launches;
  for (int i = 0; i < 50; ++i) {
    auto outcome = std::make_shared<std::promise<LaunchOutcome>>();
    launches.push_back(outcome->get_future());
    const std::string job = "f" + std::to_string(i);
    client->launch(pod_name(job, 1), manifest(job, {{"SIMULATED_DURATION", "1h"}}), patience,
                   [outcome](LaunchOutcome o) { outcome->set_value(std::move(o)); });
  }
  for (auto& one : launches) {
    const LaunchOutcome outcome = one.get();
    EXPECT_EQ(outcome.result, LaunchResult::launched) << outcome.message;
  }
  admin.call("DELETE", path("/resourcequotas/few"));
  world.await("the quota to be gone", [this] { return world.quotas.empty(); });
}

TEST_F(KubeClientTest, SaysWhyAPodCanNeverBe) {
  json no_class = json::parse(manifest("g"));
  no_class["spec"]["priorityClassName"] = "no-such-class";
  const LaunchOutcome classless = launch(*client, "g-1", no_class.dump());
  EXPECT_EQ(classless.result, LaunchResult::rejected);
  EXPECT_THAT(classless.message, HasSubstr("no-such-class"));

  json no_image = json::parse(manifest("g"));
  no_image["spec"]["containers"][0]["image"] = "";
  const LaunchOutcome imageless = launch(*client, "g-1", no_image.dump());
  EXPECT_EQ(imageless.result, LaunchResult::rejected);
  EXPECT_THAT(imageless.message, HasSubstr("image"));

  admin.call("POST", path("/limitranges"), json::parse(R"({"metadata": {"name": "small"},
      "spec": {"limits": [{"type": "Pod", "max": {"cpu": "50m"}}]}})"));
  world.await("the limit", [this] { return world.limits && world.limits->cpu_millicores == 50; });
  // The API server learns of it a moment later than it is there.
  LaunchOutcome too_large;
  for (int i = 0; i < 100 && too_large.result != LaunchResult::rejected; ++i) {
    too_large = launch_job("g" + std::to_string(i));
  }
  EXPECT_EQ(too_large.result, LaunchResult::rejected);
  EXPECT_THAT(too_large.message, HasSubstr("maximum cpu usage per Pod"));
  admin.call("DELETE", path("/limitranges/small"));

  KubeClient elsewhere(access_from("KUBECONFIG"), "no-such-namespace");
  json lost = json::parse(manifest("g"));
  lost["metadata"]["namespace"] = "no-such-namespace";
  const LaunchOutcome nowhere = launch(elsewhere, "g-1", lost.dump(), std::chrono::seconds{1});
  EXPECT_EQ(nowhere.result, LaunchResult::unavailable);
  EXPECT_THAT(nowhere.message, HasSubstr("no-such-namespace"));
}

TEST(KubeClientRights, AreEnoughForTheScheduler) {
  World world;
  KubeClient client(access_from("KUBECONFIG_SCHEDULER"), "ml-training");
  client.start(world.events(), {"scheduling-policies", "cost-model", "not-there"});
  world.await("the client to be connected", [&] { return world.health == "ok" && world.listed; });
  world.await("the ConfigMaps and nodes", [&] {
    return world.config_maps.size() == 3 && !world.nodes.empty() && world.limits &&
           !world.quotas.empty();
  });
  world.await("their content", [&] {
    EXPECT_TRUE(world.config_maps["scheduling-policies"]->contains("max_concurrent_jobs"));
    EXPECT_TRUE(world.config_maps["cost-model"]->contains("gpu_hourly_usd"));
    EXPECT_FALSE(world.config_maps["not-there"]);
    return true;
  });

  JobSpec spec;
  spec.job_id = "kube-client-rights-" + std::to_string(getpid());
  spec.image = "simulated:1";
  spec.resources.gpus = 0;
  spec.resources.cpu_millicores = 100;
  spec.resources.memory_bytes = 64 << 20;
  PodContext context;
  context.pod_namespace = "ml-training";
  context.spec_hash = "h";
  const std::string name = pod_name(spec.job_id, 1);
  const LaunchOutcome launched = launch(client, name, pod_manifest(spec, context));
  ASSERT_EQ(launched.result, LaunchResult::launched) << launched.message;
  const std::string uid = launched.pod->uid;
  EXPECT_TRUE(
      wait_for([&](const auto& done) { client.remove(name, uid, std::chrono::seconds{1}, done); }));
  EXPECT_TRUE(wait_for([&](const auto& done) { client.release(name, uid, done); }));
  world.await("the pod to be gone", [&] { return !world.pods.contains(name); });
}

}  // namespace
}  // namespace oppen::kube
