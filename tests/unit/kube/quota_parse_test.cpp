// Proves that what bounds the pods of the namespace is read right: quotas with their scopes and
// use, limit ranges, nodes.
#include "scheduler/kube/quota_parse.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace oppen::kube {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

TEST(QuotaParse, MapsTheBoundsAndTheirUse) {
  const auto parsed = parse_quota(json::parse(R"({"metadata": {"name": "all"},
      "spec": {"hard": {"pods": "10", "requests.nvidia.com/gpu": "4", "requests.cpu": "16", "memory": "64Gi",
                        "configmaps": "5"}},
      "status": {"used": {"pods": "3", "requests.nvidia.com/gpu": "2", "requests.cpu": "1500m", "memory": "1Gi"}}})"));
  ASSERT_TRUE(parsed.quota);
  EXPECT_THAT(parsed.ignored, IsEmpty());
  EXPECT_EQ(parsed.quota->name, "all");
  EXPECT_EQ(parsed.quota->scope_priority_class, "");
  EXPECT_THAT(parsed.quota->hard,
              UnorderedElementsAre(Pair("pods", 10), Pair("gpus", 4), Pair("cpu_millicores", 16000),
                                   Pair("memory_bytes", std::int64_t{64} << 30)));
  EXPECT_THAT(parsed.quota->used,
              UnorderedElementsAre(Pair("pods", 3), Pair("gpus", 2), Pair("cpu_millicores", 1500),
                                   Pair("memory_bytes", std::int64_t{1} << 30)));
}

TEST(QuotaParse, TakesTheBoundWithTheLeastRoom) {
  const auto unused = parse_quota(json::parse(
      R"({"metadata": {"name": "q"}, "spec": {"hard": {"pods": "9", "count/pods": "7", "cpu": "8",
                      "requests.cpu": "4", "limits.cpu": "6"}}})"));
  EXPECT_THAT(unused.quota->hard,
              UnorderedElementsAre(Pair("pods", 7), Pair("cpu_millicores", 4000)));
  EXPECT_THAT(unused.quota->used, IsEmpty());

  const auto used = parse_quota(json::parse(R"({"metadata": {"name": "q"},
      "spec": {"hard": {"requests.cpu": "10", "limits.cpu": "20"}},
      "status": {"used": {"requests.cpu": "2", "limits.cpu": "18"}}})"));
  EXPECT_THAT(used.quota->hard, ElementsAre(Pair("cpu_millicores", 20000)));
  EXPECT_THAT(used.quota->used, ElementsAre(Pair("cpu_millicores", 18000)));
}

TEST(QuotaParse, KnowsTheScopeOfOnePriorityClass) {
  const auto scoped =
      parse_quota(json::parse(R"({"metadata": {"name": "urgent"}, "spec": {"hard": {"pods": "2"},
      "scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["urgent"]}]}}})"));
  ASSERT_TRUE(scoped.quota);
  EXPECT_EQ(scoped.quota->scope_priority_class, "urgent");
}

TEST(QuotaParse, LeavesOtherScopesToTheApiServer) {
  for (const char* scopes : {R"({"scopes": ["BestEffort"]})",
                             R"({"scopeSelector": {"matchExpressions": [
                                 {"scopeName": "PriorityClass", "operator": "In", "values": ["a", "b"]}]}})",
                             R"({"scopeSelector": {"matchExpressions": [
                                 {"scopeName": "PriorityClass", "operator": "Exists"}]}})"}) {
    json quota = {{"metadata", {{"name", "odd"}}}, {"spec", json::parse(scopes)}};
    quota["spec"]["hard"] = {{"pods", "1"}};
    const auto parsed = parse_quota(quota);
    EXPECT_FALSE(parsed.quota) << scopes;
    EXPECT_THAT(parsed.ignored, ElementsAre(HasSubstr("odd"))) << scopes;
  }
}

TEST(QuotaParse, SaysWhichQuantityItCannotRead) {
  const auto parsed = parse_quota(
      json::parse(R"({"metadata": {"name": "q"}, "spec": {"hard": {"cpu": "many", "pods": 4}}})"));
  EXPECT_THAT(parsed.quota->hard, ElementsAre(Pair("pods", 4)));
  EXPECT_THAT(parsed.ignored, ElementsAre(HasSubstr("hard.cpu")));
}

TEST(LimitRangeParse, TakesTheSmallestMaximumOfPodsAndContainers) {
  const PodLimits limits = parse_limit_range(json::parse(R"({"spec": {"limits": [
      {"type": "Pod", "max": {"cpu": "8", "memory": "16Gi"}},
      {"type": "Container", "max": {"cpu": "4", "nvidia.com/gpu": "2"}, "default": {"cpu": "1"}},
      {"type": "PersistentVolumeClaim", "max": {"storage": "1Gi", "memory": "1"}}]}})"));
  EXPECT_EQ(limits.cpu_millicores, 4000);
  EXPECT_EQ(limits.memory_bytes, std::int64_t{16} << 30);
  EXPECT_EQ(limits.gpus, 2);

  const PodLimits both = tightest(limits, PodLimits{1, std::nullopt, std::nullopt});
  EXPECT_EQ(both.gpus, 1);
  EXPECT_EQ(both.cpu_millicores, 4000);
  EXPECT_EQ(parse_limit_range(json::object()), PodLimits{});
}

TEST(NodeParse, ReadsWhatItOffersAndWhetherItMay) {
  json object = json::parse(
      R"({"metadata": {"name": "n", "labels": {"nvidia.com/gpu.product": "NVIDIA-A100"}},
      "spec": {}, "status": {"allocatable": {"cpu": "32", "memory": "128Gi", "nvidia.com/gpu": "8", "pods": "110"},
      "conditions": [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": "True"}]}})");
  const Node node = parse_node(object);
  EXPECT_EQ(node.name, "n");
  EXPECT_EQ(node.gpu_product, "NVIDIA-A100");
  EXPECT_TRUE(node.schedulable);
  EXPECT_FALSE(node.not_ready_since);
  EXPECT_EQ(node.allocatable, (Amounts{110, 8, 32000, std::int64_t{128} << 30}));

  EXPECT_FALSE(node.spot);
  EXPECT_EQ(node.gpu_replicas, 1);
  json shared = object;
  shared["metadata"]["labels"]["oppen.dev/spot"] = "true";
  shared["metadata"]["labels"]["nvidia.com/gpu.replicas"] = "4";
  EXPECT_TRUE(parse_node(shared).spot);
  EXPECT_EQ(parse_node(shared).gpu_replicas, 4);
  for (const char* odd : {"0", "-1", "many", ""}) {
    shared["metadata"]["labels"]["nvidia.com/gpu.replicas"] = odd;
    EXPECT_EQ(parse_node(shared).gpu_replicas, 1) << odd;
  }

  object["spec"]["unschedulable"] = true;
  EXPECT_FALSE(parse_node(object).schedulable);
  EXPECT_FALSE(parse_node(object).not_ready_since) << "it is only cordoned";
  object["spec"].clear();
  object["status"]["conditions"][1]["status"] = "Unknown";
  EXPECT_TRUE(parse_node(object).schedulable) << "it is only away";
  EXPECT_FALSE(parse_node(object).not_ready_since) << "since when is not said";
  object["status"]["conditions"][1]["lastTransitionTime"] = "2026-01-03T18:15:00Z";
  EXPECT_EQ(parse_node(object).not_ready_since, *parse_rfc3339("2026-01-03T18:15:00Z"));
}

}  // namespace
}  // namespace oppen::kube
