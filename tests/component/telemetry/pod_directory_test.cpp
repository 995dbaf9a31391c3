// Proves that the pods of a node become known by pages, soon after one has been asked for, and stay known while the API server is away;
// and that what a simulated node claims is asked for seldom.
#include "producers/telemetry/pod_directory.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <nlohmann/json.hpp>

#include "producers/telemetry/simulated_nodes.hpp"
#include "tests/component/telemetry/api_server.hpp"

namespace oppen::telemetry {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using test::Answer;
using test::Asked;
using ::testing::HasSubstr;
using ::testing::Not;

json pod(const std::string& name, const std::string& node) {
  return {{"metadata", {{"name", name}, {"namespace", "ml-training"}, {"uid", "u-" + name}}},
          {"spec", {{"nodeName", node}}}};
}

Answer list(const std::vector<json>& pods, const std::string& more = "") {
  return {200, json{{"metadata", {{"continue", more}}}, {"items", pods}}.dump()};
}

template <class Condition>
bool soon(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + test::patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

TEST(PodDirectory, KnowsThePodsOfItsNodeByPages) {
  ApiServer api([](const Asked& asked) {
    EXPECT_EQ(asked.path, "/api/v1/namespaces/ml-training/pods");
    EXPECT_EQ(asked.headers.at("authorization"), "Bearer secret");
    EXPECT_EQ(asked.params.at("fieldSelector"),
              "status.phase!=Succeeded,status.phase!=Failed,spec.nodeName=node-1");
    const auto page = asked.params.find("continue");
    return page == asked.params.end() ? list({pod("a", "node-1")}, "next page+")
                                      : list({pod("from-" + page->second, "node-1")});
  });
  const PodDirectory directory(*api.access, "ml-training", {"node-1"}, 1h);
  EXPECT_TRUE(directory.status()) << directory.status().error().message;
  EXPECT_NE(directory.known()->by_uid("u-a"), nullptr);
  EXPECT_NE(directory.known()->by_uid("u-from-next page+"), nullptr);
}

TEST(PodDirectory, OfSeveralNodesTakesTheirPodsAlone) {
  ApiServer api([](const Asked& asked) {
    EXPECT_THAT(asked.params.at("fieldSelector"), Not(HasSubstr("nodeName")));
    return list({pod("a", "node-1"), pod("b", "node-2"), pod("c", "node-3")});
  });
  const PodDirectory directory(*api.access, "ml-training", {"node-1", "node-3"}, 1h);
  EXPECT_NE(directory.known()->by_uid("u-a"), nullptr);
  EXPECT_EQ(directory.known()->by_uid("u-b"), nullptr);
  EXPECT_NE(directory.known()->by_uid("u-c"), nullptr);
}

TEST(PodDirectory, AsksAgainSoonWhenAPodIsNotKnown) {
  std::atomic<int> asked{0};
  ApiServer api(
      [&](const Asked&) { return ++asked == 1 ? list({}) : list({pod("late", "node-1")}); });
  PodDirectory directory(*api.access, "ml-training", {"node-1"}, 1h);
  EXPECT_EQ(directory.known()->all().size(), 0u);
  directory.ask_again();
  EXPECT_TRUE(soon([&] { return directory.known()->by_uid("u-late") != nullptr; }));
}

TEST(PodDirectory, WhatWasKnownStandsWhileTheServerIsAway) {
  std::atomic<int> status{200};
  ApiServer api([&](const Asked&) -> Answer {
    if (status == 200) return list({pod("a", "node-1")});
    return {status, R"({"kind": "Status", "message": "no right to list pods"})"};
  });
  const PodDirectory directory(*api.access, "ml-training", {"node-1"}, 10ms);
  status = 403;
  ASSERT_TRUE(soon([&] { return !directory.status(); }));
  EXPECT_EQ(directory.status().error().kind, ErrorKind::refused);
  EXPECT_THAT(directory.status().error().message, HasSubstr("no right to list pods"));
  EXPECT_NE(directory.known()->by_uid("u-a"), nullptr);
  status = 500;
  ASSERT_TRUE(soon([&] {
    const auto now = directory.status();
    return !now && now.error().kind == ErrorKind::unavailable;
  }));
  status = 200;
  EXPECT_TRUE(soon([&] { return directory.status().has_value(); }));
}

TEST(SimulatedNodes, AreAskedForSeldom) {
  std::atomic<int> asked{0};
  ApiServer api([&](const Asked& question) -> Answer {
    ++asked;
    if (question.path != "/api/v1/nodes/node-1") return {404, "{}"};
    return {200,
            R"({"metadata": {"name": "node-1"}, "status": {"capacity": {"nvidia.com/gpu": "8"}}})"};
  });
  SimulatedNodes nodes(*api.access);
  for (int i = 0; i < 5; ++i) {
    const auto node = nodes.ask("node-1");
    ASSERT_TRUE(node) << node.error().message;
    EXPECT_EQ(node->gpus, 8);
  }
  EXPECT_EQ(asked, 1);
  const auto unknown = nodes.ask("node-2");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind, ErrorKind::unavailable) << "not the end of a recording";
}

TEST(SimulatedNodes, ThatAreDeletedAreKnownNoMore) {
  std::atomic<int> status{200};
  ApiServer api([&](const Asked&) -> Answer {
    return {status, R"({"metadata": {"name": "node-1"}})"};
  });
  SimulatedNodes nodes(*api.access, 0ms);
  EXPECT_TRUE(nodes.ask("node-1"));
  status = 500;
  EXPECT_TRUE(nodes.ask("node-1")) << "the API server's trouble, not the node's";
  for (const int answer : {404, 500}) {
    status = answer;
    const auto gone = nodes.ask("node-1");
    ASSERT_FALSE(gone) << answer;
    EXPECT_EQ(gone.error().kind, ErrorKind::unavailable);
  }
}

}  // namespace
}  // namespace oppen::telemetry
