// Proves that a pod as the API server writes it is read right: identity, effective requests, times,
// and above all the reason by which the scheduler judges a failure.
#include "scheduler/kube/pod_parse.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace oppen::kube {
namespace {

using nlohmann::json;

json finished_pod() {
  return json::parse(R"({
    "apiVersion": "v1", "kind": "Pod",
    "metadata": {
      "name": "job-a-2", "uid": "u-1", "creationTimestamp": "2026-01-03T18:15:00Z",
      "labels": {"app.kubernetes.io/managed-by": "oppen", "oppen.dev/job-id": "job-a", "oppen.dev/attempt": "2"},
      "annotations": {"oppen.dev/spec-hash": "abc", "oppen.dev/epoch": "41"},
      "finalizers": ["example.com/other", "oppen.dev/reported"]
    },
    "spec": {"nodeName": "node-1", "priorityClassName": "normal", "containers": [
      {"name": "train", "resources": {"requests": {"cpu": "1500m", "memory": "2Gi", "nvidia.com/gpu": "1"}}}]},
    "status": {"phase": "Failed", "containerStatuses": [
      {"name": "a-sidecar", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}},
      {"name": "train", "state": {"terminated": {"exitCode": 137, "reason": "OOMKilled", "message": "{\"accuracy\":0.5}",
        "startedAt": "2026-01-03T18:15:02Z", "finishedAt": "2026-01-03T18:16:00Z"}}}]}
  })");
}

json with_status(const std::string& status) {
  json pod = finished_pod();
  pod["status"] = json::parse(status);
  return pod;
}

TEST(PodParse, ReadsWhoItIsAndHowItEnded) {
  const Pod pod = parse_pod(finished_pod());
  EXPECT_EQ(pod.name, "job-a-2");
  EXPECT_EQ(pod.uid, "u-1");
  EXPECT_EQ(pod.job_id, "job-a");
  EXPECT_EQ(pod.attempt, 2);
  EXPECT_TRUE(pod.managed);
  EXPECT_EQ(pod.spec_hash, "abc");
  EXPECT_EQ(pod.epoch, 41);
  EXPECT_EQ(pod.node, "node-1");
  EXPECT_EQ(pod.priority_class, "normal");
  EXPECT_TRUE(pod.has_finalizer);
  EXPECT_FALSE(pod.deleting);
  EXPECT_TRUE(pod.terminal());
  EXPECT_EQ(to_rfc3339(pod.created_at), "2026-01-03T18:15:00.000Z");
  ASSERT_TRUE(pod.started_at && pod.finished_at);
  EXPECT_EQ(to_rfc3339(*pod.started_at), "2026-01-03T18:15:02.000Z");
  EXPECT_EQ(to_rfc3339(*pod.finished_at), "2026-01-03T18:16:00.000Z");
  EXPECT_EQ(pod.exit_code, 137);
  EXPECT_EQ(pod.reason, "OOMKilled");
  EXPECT_EQ(pod.termination_message, R"({"accuracy":0.5})");
  EXPECT_EQ(pod.requests, (Amounts{1, 1, 1500, std::int64_t{2} << 30}));
}

TEST(PodParse, ReadsARunningPod) {
  const Pod pod = parse_pod(with_status(R"({"phase": "Running", "containerStatuses": [
      {"name": "train", "state": {"running": {"startedAt": "2026-01-03T18:15:02Z"}}}]})"));
  EXPECT_EQ(pod.phase, "Running");
  ASSERT_TRUE(pod.started_at);
  EXPECT_FALSE(pod.finished_at);
  EXPECT_FALSE(pod.exit_code);
  EXPECT_EQ(pod.reason, "");
}

TEST(PodParse, ReasonOfThePodGoesBeforeThatOfItsContainer) {
  const Pod evicted =
      parse_pod(with_status(R"({"phase": "Failed", "reason": "Evicted", "message": "low on memory",
      "containerStatuses": [{"name": "train", "state": {"terminated": {"exitCode": 137, "reason": "Error"}}}]})"));
  EXPECT_EQ(evicted.reason, "Evicted");
  EXPECT_EQ(evicted.message, "low on memory");
  EXPECT_EQ(evicted.exit_code, 137);

  const Pod preempted = parse_pod(with_status(R"({"phase": "Running", "conditions": [
      {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler", "message": "for a better one"}],
      "containerStatuses": [{"name": "train", "state": {"terminated": {"exitCode": 143, "reason": "Error"}}}]})"));
  EXPECT_EQ(preempted.reason, "PreemptionByScheduler");
}

TEST(PodParse, SaysWhyAPodCannotStart) {
  const Pod no_image = parse_pod(with_status(R"({"phase": "Pending", "containerStatuses": [
      {"name": "train", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}}]})"));
  EXPECT_EQ(no_image.reason, "ImagePullBackOff");
  EXPECT_EQ(no_image.message, "Back-off pulling image");

  const Pod bad_init = parse_pod(with_status(R"({"phase": "Pending",
      "initContainerStatuses": [{"name": "fetch", "state": {"waiting": {"reason": "ErrImagePull", "message": "no such"}}}],
      "containerStatuses": [{"name": "train", "state": {"waiting": {"reason": "PodInitializing"}}}]})"));
  EXPECT_EQ(bad_init.reason, "ErrImagePull");

  json unscheduled = with_status(R"({"phase": "Pending", "conditions": [
      {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available"}]})");
  unscheduled["spec"].erase("nodeName");
  EXPECT_EQ(parse_pod(unscheduled).reason, "Unschedulable");
  EXPECT_EQ(parse_pod(unscheduled).message, "0/3 nodes are available");
}

TEST(PodParse, AContainerThatNeverBeganHasNoStart) {
  const Pod pod =
      parse_pod(with_status(R"({"phase": "Failed", "containerStatuses": [{"name": "train", "state":
      {"terminated": {"exitCode": 128, "reason": "StartError", "message": "no such file", "startedAt": "1970-01-01T00:00:00Z",
       "finishedAt": "2026-01-03T18:16:00Z"}}}]})"));
  EXPECT_FALSE(pod.started_at);
  EXPECT_TRUE(pod.finished_at);
  EXPECT_EQ(pod.reason, "StartError");
}

TEST(PodParse, CountsRequestsAsKubernetesDoes) {
  const json pod = json::parse(R"({"spec": {
    "initContainers": [
      {"name": "fetch", "resources": {"requests": {"cpu": "4", "memory": "1Gi"}}},
      {"name": "log", "restartPolicy": "Always", "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}}},
      {"name": "unpack", "resources": {"requests": {"cpu": "1", "memory": "8Gi"}}}],
    "containers": [
      {"name": "train", "resources": {"requests": {"cpu": "2", "memory": "4Gi", "nvidia.com/gpu": "2"}}},
      {"name": "beside", "resources": {"requests": {"cpu": "500m"}}}],
    "overhead": {"cpu": "250m"}}})");
  const Amounts amounts = parse_pod(pod).requests;
  EXPECT_EQ(amounts.pods, 1);
  EXPECT_EQ(amounts.gpus, 2);
  EXPECT_EQ(amounts.cpu_millicores, 4000 + 250);  // the first step of initialisation takes the most
  EXPECT_EQ(amounts.memory_bytes, (std::int64_t{8} << 30) + (std::int64_t{64} << 20));
}

TEST(PodParse, TellsWhenADeletionWasAskedFor) {
  const Pod graceful = parse_pod(json::parse(
      R"({"metadata": {"deletionTimestamp": "2026-01-03T18:15:30Z", "deletionGracePeriodSeconds": 30}})"));
  const Pod forced = parse_pod(json::parse(
      R"({"metadata": {"deletionTimestamp": "2026-01-03T18:15:00Z", "deletionGracePeriodSeconds": 0}})"));
  ASSERT_TRUE(graceful.deleted_at);
  EXPECT_EQ(to_rfc3339(*graceful.deleted_at), "2026-01-03T18:15:00.000Z");
  EXPECT_EQ(forced.deleted_at, graceful.deleted_at);
}

TEST(PodParse, ReadsWhatIsNotOursOrMalformedAsNothing) {
  const Pod foreign =
      parse_pod(json::parse(R"({"metadata": {"name": "x", "labels": {"oppen.dev/attempt": "2b"},
      "deletionTimestamp": "2026-01-03T18:15:00Z", "finalizers": 3}, "status": {"phase": 7, "containerStatuses": {}}})"));
  EXPECT_FALSE(foreign.managed);
  EXPECT_EQ(foreign.job_id, "");
  EXPECT_EQ(foreign.attempt, 0);
  EXPECT_EQ(foreign.epoch, -1);
  EXPECT_TRUE(foreign.deleting);
  EXPECT_EQ(foreign.delete_by, *parse_rfc3339("2026-01-03T18:15:00Z"));
  EXPECT_EQ(foreign.phase, "");
  EXPECT_EQ(parse_pod(json("text")).name, "");
}

}  // namespace
}  // namespace oppen::kube
