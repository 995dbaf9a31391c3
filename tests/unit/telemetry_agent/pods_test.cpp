// Proves that a PodList is read for what telemetry needs of it, however little of it is there.
#include "producers/telemetry/pods.hpp"

#include <gmock/gmock.h>

#include "producers/telemetry/simulated_nodes.hpp"

namespace oppen::telemetry {
namespace {

using testing::HasSubstr;

TEST(Pods, AreReadWithTheirJobs) {
  const auto page = parse_pods(R"({
    "kind": "PodList", "metadata": {"resourceVersion": "7", "continue": "more"},
    "items": [{
      "metadata": {"name": "bert-1-2", "namespace": "ml-training", "uid": "u1",
                   "labels": {"oppen.dev/job-id": "bert-1", "oppen.dev/attempt": "2", "oppen.dev/model-type": "bert"}},
      "spec": {"nodeName": "node-1", "containers": [
        {"name": "train", "resources": {"limits": {"nvidia.com/gpu": "2", "cpu": "1"}}},
        {"name": "side", "resources": {}}]},
      "status": {"phase": "Running", "startTime": "2026-01-03T18:15:00Z"}
    }, {"metadata": {"name": "web-0", "namespace": "ml-training", "uid": "u2"}}]})");
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(page->continue_token, "more");
  ASSERT_EQ(page->pods.size(), 2u);
  const auto& pod = page->pods[0];
  EXPECT_EQ(pod.uid, "u1");
  EXPECT_EQ(pod.node, "node-1");
  EXPECT_EQ(pod.job_id, "bert-1");
  EXPECT_EQ(pod.attempt, 2);
  EXPECT_EQ(pod.model_type, "bert");
  EXPECT_EQ(pod.gpus, 2);
  EXPECT_EQ(to_rfc3339(pod.started_at), "2026-01-03T18:15:00.000Z");
  EXPECT_EQ(page->pods[1].job_id, "");
  EXPECT_EQ(page->pods[1].attempt, std::nullopt);

  const KnownPods known(page->pods);
  EXPECT_EQ(known.by_uid("u2")->name, "web-0");
  EXPECT_EQ(known.by_name("ml-training", "bert-1-2")->uid, "u1");
  EXPECT_EQ(known.by_uid("u3"), nullptr);
  EXPECT_EQ(known.by_name("default", "web-0"), nullptr);
}

TEST(Pods, NonsenseInAPodIsNothingAndNonsenseInsteadOfAListAnError) {
  const auto page = parse_pods(
      R"({"items": [7, {}, {"metadata": {"uid": 5, "name": "x"}},
        {"metadata": {"uid": "u", "name": "x", "labels": {"oppen.dev/attempt": "0"}}, "spec": {"containers": 3}}]})");
  ASSERT_TRUE(page);
  ASSERT_EQ(page->pods.size(), 1u);
  EXPECT_EQ(page->pods[0].attempt, std::nullopt);
  for (const auto* text : {"", "[]", "{}", R"({"items": {}})", "{"}) {
    const auto list = parse_pods(text);
    ASSERT_FALSE(list) << text;
    EXPECT_EQ(list.error().kind, ErrorKind::invalid);
  }
}

TEST(Node, IsReadWithItsGpus) {
  const auto node = parse_node(
      R"({"metadata": {"name": "n", "labels": {"nvidia.com/gpu.product": "A100", "nvidia.com/gpu.memory": "40960"}},
          "status": {"capacity": {"cpu": "64", "nvidia.com/gpu": "8"}}})");
  ASSERT_TRUE(node) << node.error().message;
  EXPECT_EQ(node->gpus, 8);
  EXPECT_EQ(node->gpu_type, "A100");
  EXPECT_EQ(node->memory_mb, 40960);
  const auto bare = parse_node(R"({"metadata": {"name": "n"}})");
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->gpus, 0);
  EXPECT_FALSE(parse_node("[]"));
}

}  // namespace
}  // namespace oppen::telemetry
