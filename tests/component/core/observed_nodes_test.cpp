// What is told of nodes on `control`: each change once, whoever leads, whatever dies between seeing and telling it, and after Redis was emptied.
#include "scheduler/core/observed_nodes.hpp"

#include <set>

#include "tests/component/core/core_fixture.hpp"

namespace oppen::core {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ObservedNodesTest : public CoreTest {
 protected:
  void SetUp() override {
    CoreTest::SetUp();
    lead();
  }
  // A new leader, which has read of `control` what this Redis has not.
  void lead(std::int64_t epoch = 2) {
    begin_term(epoch);
    auto policy = *state->policy;
    policy.gpu_products = {{"A100", "NVIDIA-A100"}};
    state->policy = std::make_shared<const plan::Policy>(policy);
    nodes = std::make_unique<ObservedNodes>(*state);
    ASSERT_TRUE(nodes->load());
  }
  // What lies in the outbox goes onto `control`.
  void publish() {
    const auto entries = redis->command({"XRANGE", "{oppen.scheduler}:outbox", "-", "+"}).value();
    for (const auto& one : entries.elements) {
      const auto entry = queue::decode_entry(one.elements.at(1).elements.at(1).text).value();
      log.push_back({entry.id, "/oppen/scheduler", entry.type, entry.time, entry.key,
                     json::parse(entry.data)});
    }
    ASSERT_TRUE(redis->command({"DEL", "{oppen.scheduler}:outbox"}));
  }
  void read_log() {
    for (const auto& event : log)
      EXPECT_EQ(nodes->on_control(event, event.time).value(), std::nullopt);
  }
  void see(const std::vector<kube::Node>& seen) {
    clock.advance(1s);
    nodes->update(seen);
    ASSERT_TRUE(nodes->tell());
  }
  static kube::Node gpu_node(const std::string& name, std::int64_t gpus = 8) {
    kube::Node node;
    node.name = name;
    node.schedulable = true;
    node.gpu_product = "NVIDIA-A100";
    node.allocatable.gpus = gpus;
    node.allocatable.cpu_millicores = 8'000;
    return node;
  }
  // "n1 ready 8 A100", of what waits in the outbox.
  std::vector<std::string> told() {
    publish();
    std::vector<std::string> all;
    for (auto at = seen_of_log; at < log.size(); ++at) {
      const auto node = parse_data<NodeObserved>(log[at].data).value();
      all.push_back(node.node + " " + node.state + " " + std::to_string(node.gpus) + " " +
                    node.gpu_type + (node.spot ? " spot" : ""));
    }
    seen_of_log = log.size();
    return all;
  }

  std::unique_ptr<ObservedNodes> nodes;
  std::vector<CloudEvent> log;  // `control`
  std::size_t seen_of_log = 0;
};

TEST_F(ObservedNodesTest, EachChangeIsToldOnceAndNothingElse) {
  auto node = gpu_node("n1");
  see({node});
  EXPECT_THAT(told(), ElementsAre("n1 ready 8 A100"));
  see({node});
  ASSERT_TRUE(nodes->tell());
  EXPECT_THAT(told(), IsEmpty());
  node.schedulable = false;
  see({node});
  node.not_ready_since = clock.now();
  see({node});
  node.not_ready_since = clock.now() + 1s;  // as long as it is away it is
  see({node});
  node.not_ready_since.reset();
  node.schedulable = true;
  node.allocatable.gpus = 7;
  see({node});
  node.spot = true;
  see({node, gpu_node("n2")});
  see({gpu_node("n2")});
  EXPECT_THAT(told(), ElementsAre("n1 cordoned 8 A100", "n1 not_ready 8 A100", "n1 ready 7 A100",
                                  "n1 ready 7 A100 spot", "n2 ready 8 A100", "n1 gone 0 "));
}

TEST_F(ObservedNodesTest, OneSharedByTimeCountsOnceAndATypeWithoutANameIsItsProduct) {
  auto shared = gpu_node("n1", 16);
  shared.gpu_replicas = 4;
  shared.gpu_product = "Tesla-T4-SHARED";
  see({shared, gpu_node("cpu", 0)});
  EXPECT_THAT(told(), ElementsAre("cpu ready 0 ", "n1 ready 4 Tesla-T4-SHARED"));
}

TEST_F(ObservedNodesTest, ANewLeaderTellsWhatHasChangedWhileNobodyLed) {
  see({gpu_node("n1"), gpu_node("n2")});
  EXPECT_EQ(told().size(), 2U);
  lead(3);
  see({gpu_node("n2"), gpu_node("n3")});
  EXPECT_THAT(told(), ElementsAre("n1 gone 0 ", "n3 ready 8 A100"));
  // It comes back: that is told under another id than before.
  lead(4);
  see({gpu_node("n1"), gpu_node("n2"), gpu_node("n3")});
  EXPECT_THAT(told(), ElementsAre("n1 ready 8 A100"));
  std::set<std::string> ids;
  for (const auto& event : log) ids.insert(event.id);
  EXPECT_EQ(ids.size(), log.size());
}

TEST_F(ObservedNodesTest, KilledBeforeItIsPublishedItIsInTheOutboxAndNotToldAgain) {
  see({gpu_node("n1")});
  lead(3);  // the entry waits for the relay of this one
  see({gpu_node("n1")});
  EXPECT_THAT(told(), ElementsAre("n1 ready 8 A100"));
}

TEST_F(ObservedNodesTest, RedisIsLostAndTheLogTellsWhatWasTold) {
  see({gpu_node("n1"), gpu_node("n2")});
  see({gpu_node("n1", 4), gpu_node("n2")});
  publish();
  see({gpu_node("n1", 2), gpu_node("n2")});  // not published: lost with Redis
  seen_of_log = log.size();
  ASSERT_TRUE(redis->command({"FLUSHALL"}));
  lead(3);
  read_log();
  see({gpu_node("n1", 2), gpu_node("n2")});
  EXPECT_THAT(told(), ElementsAre("n1 ready 2 A100"));
  lead(4);
  see({gpu_node("n1", 2), gpu_node("n2")});
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(ObservedNodesTest, ARedisThatHasComeBackOlderKnowsAgain) {
  see({gpu_node("n1")});
  publish();
  const auto older = redis->command({"HGETALL", "{oppen.scheduler}:nodes"}).value();
  see({gpu_node("n1", 4)});
  publish();
  seen_of_log = log.size();
  for (std::size_t i = 0; i < older.elements.size(); i += 2) {
    ASSERT_TRUE(redis->command(
        {"HSET", "{oppen.scheduler}:nodes", older.elements[i].text, older.elements[i + 1].text}));
  }
  lead(3);
  read_log();
  see({gpu_node("n1", 4)});
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(ObservedNodesTest, OfAPausedLeaderNothingIsTold) {
  auto old = std::move(nodes);
  auto old_state = std::move(state);
  auto old_store = std::move(store);
  lead(3);
  old->update({gpu_node("n1")});
  const auto status = old->tell();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, ErrorKind::fenced);
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(ObservedNodesTest, WithoutAnyNodeKnownNoneIsGone) {
  see({gpu_node("n1")});
  EXPECT_EQ(told().size(), 1U);
  see({});
  EXPECT_THAT(told(), IsEmpty()) << "they may not be ours to read";
}

TEST_F(ObservedNodesTest, WhatSomebodyElseSaysOfANodeIsContradicted) {
  see({gpu_node("n1")});
  EXPECT_EQ(told().size(), 1U);
  clock.advance(1s);
  const NodeObserved wrong{"n1", 64, "H100", 0, 0, "ready"};
  const CloudEvent event{"x",         "/test", std::string(NodeObserved::type),
                         clock.now(), "n1",    to_data(wrong)};
  EXPECT_EQ(nodes->on_control(event, clock.now()).value(), std::nullopt);
  ASSERT_TRUE(nodes->tell());
  EXPECT_THAT(told(), ElementsAre("n1 ready 8 A100"));
  EXPECT_GT(log.back().time, event.time) << "or it would be taken for stale";

  auto ahead = event;
  ahead.time = clock.now() + 24h;
  EXPECT_NE(nodes->on_control(ahead, clock.now()).value(), std::nullopt)
      << "nothing could be told behind it";
  auto broken = event;
  broken.data.erase("state");
  EXPECT_NE(nodes->on_control(broken, clock.now()).value(), std::nullopt);
  see({gpu_node("n1")});
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(ObservedNodesTest, BehindWhatWasToldByAClockFarAheadNothingIsToldUntilItIsBelieved) {
  clock.advance(1h);
  see({gpu_node("n1"), gpu_node("n2")});
  EXPECT_EQ(told().size(), 2U);
  clock.advance(-1h);
  lead(3);
  see({gpu_node("n1", 4), gpu_node("n3")});
  EXPECT_THAT(told(), ElementsAre("n3 ready 8 A100"));
  clock.advance(51min);
  see({gpu_node("n1", 4), gpu_node("n3")});
  EXPECT_THAT(told(), ElementsAre("n1 ready 4 A100", "n2 gone 0 "));
  for (const auto& event : log) {
    if (event.data["gpus"] != 8) {
      EXPECT_LE(event.time, clock.now() + 10min);
    }
  }
}

TEST_F(ObservedNodesTest, ManyNodesAreToldInSeveralCommits) {
  std::vector<kube::Node> many;
  for (int i = 0; i < 600; ++i) many.push_back(gpu_node("n" + std::to_string(i)));
  see(many);
  EXPECT_EQ(told().size(), 600U);
  lead(3);
  see(many);
  EXPECT_THAT(told(), IsEmpty());
}

}  // namespace
}  // namespace oppen::core
