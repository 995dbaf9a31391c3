// Proves that the manifest of an attempt is the contract's: names, labels, resources, environment,
// and what of an operator's pod template it takes over and what it doesn't.
#include "scheduler/kube/pod_manifest.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "scheduler/kube/pod_parse.hpp"
#include "scheduler/kube/pod_template.hpp"

namespace oppen::kube {
namespace {

using nlohmann::json;
using testing::HasSubstr;

JobSpec digits() {
  JobSpec spec;
  spec.job_id = "digits-1";
  spec.model_type = "digits";
  spec.priority = Priority::urgent;
  spec.epochs = 10;
  spec.batch_size = 64;
  spec.resources.gpus = 2;
  spec.resources.cpu_millicores = 1500;
  spec.resources.memory_bytes = std::int64_t{2} << 30;
  spec.image = "trainer:1";
  spec.command = {"/train"};
  spec.args = {"--fast"};
  spec.env = {{"SEED", "7"}, {"CUDA_VISIBLE_DEVICES", "0"}};
  spec.secrets = {"bucket"};
  spec.team = "vision";
  spec.max_runtime_seconds = 3600;
  return spec;
}

PodContext context() {
  PodContext context;
  context.pod_namespace = "ml-training";
  context.attempt = 3;
  context.epoch = 41;
  context.spec_hash = "0123456789abcdef";
  context.gpu_products = {{"A100", "NVIDIA-A100-SXM4-80GB"}};
  return context;
}

json manifest(const JobSpec& spec, const PodContext& in) {
  return json::parse(pod_manifest(spec, in));
}
json pod_of(const std::string& pod_template, JobSpec spec = digits()) {
  PodContext in = context();
  in.pod_template_json = pod_template;
  return manifest(spec, in)["spec"];
}

TEST(PodManifest, IsTheContracts) {
  const json expected = json::parse(R"({
    "apiVersion": "v1", "kind": "Pod",
    "metadata": {
      "name": "digits-1-3", "namespace": "ml-training", "finalizers": ["oppen.dev/reported"],
      "labels": {"app.kubernetes.io/managed-by": "oppen", "oppen.dev/job-id": "digits-1", "oppen.dev/attempt": "3",
                 "oppen.dev/model-type": "digits", "oppen.dev/workload-type": "training", "oppen.dev/priority": "urgent",
                 "oppen.dev/team": "vision"},
      "annotations": {"oppen.dev/spec-hash": "0123456789abcdef", "oppen.dev/epoch": "41"}
    },
    "spec": {
      "restartPolicy": "Never", "priorityClassName": "urgent", "activeDeadlineSeconds": 3600,
      "automountServiceAccountToken": false, "enableServiceLinks": false,
      "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
      "containers": [{
        "name": "train", "image": "trainer:1", "command": ["/train"], "args": ["--fast"],
        "env": [{"name": "CUDA_VISIBLE_DEVICES", "value": "0"}, {"name": "SEED", "value": "7"},
                {"name": "OPPEN_JOB_ID", "value": "digits-1"}, {"name": "OPPEN_ATTEMPT", "value": "3"},
                {"name": "OPPEN_MODEL_TYPE", "value": "digits"}, {"name": "OPPEN_EPOCHS", "value": "10"},
                {"name": "OPPEN_BATCH_SIZE", "value": "64"}],
        "envFrom": [{"secretRef": {"name": "bucket"}}],
        "resources": {"requests": {"cpu": "1500m", "memory": "2Gi", "nvidia.com/gpu": "2"},
                      "limits": {"cpu": "1500m", "memory": "2Gi", "nvidia.com/gpu": "2"}},
        "securityContext": {"allowPrivilegeEscalation": false},
        "terminationMessagePolicy": "File"
      }]
    }
  })");
  EXPECT_EQ(manifest(digits(), context()), expected);
}

TEST(PodManifest, IsReadBackAsTheSameAttempt) {
  const Pod pod = parse_pod(manifest(digits(), context()));
  EXPECT_EQ(pod.name, pod_name("digits-1", 3));
  EXPECT_EQ(pod.job_id, "digits-1");
  EXPECT_EQ(pod.attempt, 3);
  EXPECT_EQ(pod.epoch, 41);
  EXPECT_TRUE(pod.managed && pod.has_finalizer);
  EXPECT_EQ(pod.requests, (Amounts{1, 2, 1500, std::int64_t{2} << 30}));
}

TEST(PodManifest, ChoosesDevicesAndNodes) {
  JobSpec spec = digits();
  spec.resources.gpu_type = "A100";
  EXPECT_EQ(pod_of("", spec)["nodeSelector"]["nvidia.com/gpu.product"], "NVIDIA-A100-SXM4-80GB");
  spec.resources.gpu_type = "Tesla-T4";
  spec.spot = true;
  const json pod = pod_of("", spec);
  EXPECT_EQ(pod["nodeSelector"],
            (json{{"nvidia.com/gpu.product", "Tesla-T4"}, {"oppen.dev/spot", "true"}}));
  EXPECT_EQ(pod["tolerations"],
            json::parse(R"([{"key": "oppen.dev/spot", "operator": "Exists"}])"));

  spec.resources.gpus = 0;
  EXPECT_FALSE(pod_of("", spec)["containers"][0]["resources"]["limits"].contains("nvidia.com/gpu"));

  spec.resources.gpus.reset();
  spec.resources.gpu_share = 0.25;
  const json shared = manifest(spec, context());
  EXPECT_EQ(shared["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"], "1");
  EXPECT_EQ(shared["metadata"]["annotations"]["oppen.dev/gpu-share"], "0.25");
}

TEST(PodManifest, OursWinsOverTheJobsOwnLabelsAndVariables) {
  JobSpec spec = digits();
  spec.labels = {{"experiment", "e1"}, {"oppen.dev/job-id", "someone-else"}, {"empty", ""}};
  spec.env = {{"OPPEN_JOB_ID", "someone-else"}};
  const json pod = manifest(spec, context());
  EXPECT_EQ(pod["metadata"]["labels"]["experiment"], "e1");
  EXPECT_EQ(pod["metadata"]["labels"]["oppen.dev/job-id"], "digits-1");
  EXPECT_FALSE(pod["metadata"]["labels"].contains("empty"));
  EXPECT_EQ(pod["spec"]["containers"][0]["env"][0],
            (json{{"name", "OPPEN_JOB_ID"}, {"value", "digits-1"}}));
}

TEST(PodTemplate, BringsWhatTrainingNeeds) {
  JobSpec spec = digits();
  spec.spot = true;
  const json pod = pod_of(R"({
    "volumes": [{"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "8Gi"}}],
    "volumeMounts": [{"name": "shm", "mountPath": "/dev/shm"}],
    "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
    "imagePullSecrets": [{"name": "registry"}],
    "nodeSelector": {"pool": "training", "oppen.dev/spot": "false"},
    "securityContext": {"fsGroup": 1000},
    "containers": [{"name": "beside", "image": "b"},
                   {"name": "train", "env": [{"name": "NCCL_DEBUG", "value": "INFO"}, {"name": "SEED", "value": "1"}],
                    "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                    "securityContext": {"runAsUser": 1000}}]})",
                          spec);
  EXPECT_EQ(pod["volumes"][0]["name"], "shm");
  EXPECT_EQ(pod["imagePullSecrets"], json::parse(R"([{"name": "registry"}])"));
  EXPECT_EQ(pod["tolerations"].size(), 2U);
  EXPECT_EQ(pod["nodeSelector"], (json{{"pool", "training"}, {"oppen.dev/spot", "true"}}));
  EXPECT_EQ(pod["securityContext"],
            (json{{"fsGroup", 1000}, {"seccompProfile", {{"type", "RuntimeDefault"}}}}));
  ASSERT_EQ(pod["containers"].size(), 2U);
  EXPECT_EQ(pod["containers"][1]["name"], "beside");
  const json& train = pod["containers"][0];
  EXPECT_EQ(
      train["volumeMounts"],
      json::parse(
          R"([{"name": "data", "mountPath": "/data"}, {"name": "shm", "mountPath": "/dev/shm"}])"));
  EXPECT_EQ(train["securityContext"],
            (json{{"allowPrivilegeEscalation", false}, {"runAsUser", 1000}}));
  EXPECT_EQ(train["env"][0]["name"], "NCCL_DEBUG");
  int seeds = 0;
  for (const json& variable : train["env"]) {
    if (variable["name"] != "SEED") continue;
    ++seeds;
    EXPECT_EQ(variable["value"], "7");
  }
  EXPECT_EQ(seeds, 1);
}

TEST(PodTemplate, CannotTakeTheJobsPlace) {
  const json pod =
      pod_of(R"({"restartPolicy": "Always", "priorityClassName": "system-node-critical",
    "securityContext": {"seccompProfile": {"type": "Unconfined"}},
    "containers": [{"name": "train", "image": "other", "command": ["/other"], "args": ["x", "y"],
                    "resources": {"limits": {"nvidia.com/gpu": "8"}}}]})");
  EXPECT_EQ(pod["restartPolicy"], "Never");
  EXPECT_EQ(pod["priorityClassName"], "urgent");
  const json& train = pod["containers"][0];
  EXPECT_EQ(train["image"], "trainer:1");
  EXPECT_EQ(train["command"], json::array({"/train"}));
  EXPECT_EQ(train["args"], json::array({"--fast"}));
  EXPECT_EQ(train["resources"]["limits"]["nvidia.com/gpu"], "2");
  // The operator may loosen what is only a default.
  EXPECT_EQ(pod["securityContext"]["seccompProfile"]["type"], "Unconfined");
}

TEST(PodTemplate, SaysHowLongItsPodsMayTakeToStop) {
  using std::chrono::seconds;
  EXPECT_EQ(termination_grace(""), seconds(30)) << "what Kubernetes gives";
  EXPECT_EQ(termination_grace(R"({"volumes": []})"), seconds(30));
  EXPECT_EQ(termination_grace(R"({"terminationGracePeriodSeconds": 600})"), seconds(600));
  EXPECT_EQ(termination_grace(R"({"terminationGracePeriodSeconds": "soon"})"), seconds(30));
}

TEST(PodTemplate, IsCheckedBeforeItIsUsed) {
  EXPECT_TRUE(check_pod_template(""));
  EXPECT_TRUE(check_pod_template(R"({"volumes": []})"));
  for (const char* wrong : {"{", "[]", R"({"volumes": {}})", R"({"containers": ["train"]})",
                            R"({"nodeSelector": []})"}) {
    const Status checked = check_pod_template(wrong);
    ASSERT_FALSE(checked) << wrong;
    EXPECT_EQ(checked.error().kind, ErrorKind::invalid);
    EXPECT_THAT(checked.error().message, HasSubstr("expected"));
    EXPECT_EQ(pod_of(wrong), pod_of("")) << wrong;
  }
}

}  // namespace
}  // namespace oppen::kube
