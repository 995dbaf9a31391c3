// Proves what is read of a list of nodes: room, GPUs, and which of them take pods.
#include "workers/console/nodes.hpp"

#include <gtest/gtest.h>

namespace oppen::console {
namespace {

TEST(Nodes, AreReadWithTheirRoom) {
  const auto room = parse_nodes(R"({"metadata":{"continue":""},"items":[
    {"metadata":{"name":"a","labels":{"nvidia.com/gpu.product":"NVIDIA-A100-SXM4-40GB"}},
     "spec":{},"status":{"allocatable":{"cpu":"16","memory":"64Gi","nvidia.com/gpu":"4"},
       "conditions":[{"type":"DiskPressure","status":"False"},{"type":"Ready","status":"True"}]}},
    {"metadata":{"name":"b"},"spec":{"unschedulable":true},
     "status":{"allocatable":{"cpu":"500m"},"conditions":[{"type":"Ready","status":"True"}]}},
    {"metadata":{"name":"c"},"status":{"conditions":[{"type":"Ready","status":"Unknown"}]}}]})");
  ASSERT_TRUE(room);
  ASSERT_EQ(room->nodes.size(), 3u);
  const auto& a = room->nodes[0];
  EXPECT_EQ(a.gpus, 4);
  EXPECT_EQ(a.cpu_millicores, 16'000);
  EXPECT_EQ(a.memory_bytes, 64LL << 30);
  EXPECT_EQ(a.gpu_product, "NVIDIA-A100-SXM4-40GB");
  EXPECT_TRUE(a.ready);
  EXPECT_FALSE(room->nodes[1].ready) << "cordoned";
  EXPECT_EQ(room->nodes[1].cpu_millicores, 500);
  EXPECT_EQ(room->nodes[1].gpus, 0);
  EXPECT_FALSE(room->nodes[2].ready);
  EXPECT_TRUE(room->all);
}

TEST(Nodes, OfALargeClusterAreNotAll) {
  EXPECT_FALSE(parse_nodes(R"({"metadata":{"continue":"more"},"items":[]})")->all);
}

TEST(Nodes, WhatIsNoListIsRefused) {
  for (const auto* text : {"", "[]", "{}", R"({"items":3})"})
    EXPECT_FALSE(parse_nodes(text)) << text;
}

}  // namespace
}  // namespace oppen::console
