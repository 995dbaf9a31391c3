// Proves that simulated nodes play what their pods would do, from the moment that they run.
#include "producers/telemetry/following.hpp"

#include <gmock/gmock.h>

#include "tests/unit/telemetry_agent/scripted.hpp"

namespace oppen::telemetry {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

GpuReading recorded(const std::string& model, double utilization) {
  auto reading = gpu(utilization, "GPU-of-" + model);
  reading.pod = model;
  return reading;
}

// Three seconds: resnet50 works more and more, bert does half, a third GPU idles.
Loads loads() {
  ScriptedSource recording;
  for (int second = 0; second < 3; ++second) {
    recording.script.push_back(
        Readings{at(second * 1000),
                 {recorded("resnet50", 10 * (second + 1)), recorded("bert", 50), recorded("", 0)}});
  }
  return *Loads::read(recording);
}

class FollowingTest : public testing::Test {
 protected:
  std::vector<std::string> pods_of_gpus() {
    std::vector<std::string> names;
    const auto readings = following.read();
    EXPECT_TRUE(readings);
    for (const auto& reading : readings->gpus) names.push_back(reading.pod);
    return names;
  }
  void runs(std::vector<KnownPod> pods) { known = std::make_shared<KnownPods>(std::move(pods)); }

  SetClock clock;
  SimulatedNode node{"node-1", 3, "V100", 16384};
  std::shared_ptr<const KnownPods> known = std::make_shared<KnownPods>();
  Following following{std::make_shared<Loads>(loads()),
                      [this] { return Result<SimulatedNode>(node); }, [this] { return known; },
                      clock};
};

TEST_F(FollowingTest, IdlesWithoutPods) {
  const auto readings = following.read();
  ASSERT_TRUE(readings);
  ASSERT_EQ(readings->gpus.size(), 3u);
  EXPECT_EQ(readings->gpus[2].uuid, "GPU-node-1-2");
  EXPECT_EQ(readings->gpus[2].index, 2);
  EXPECT_EQ(readings->gpus[2].name, "V100");
  EXPECT_EQ(readings->gpus[2].memory_total_mb, 16384);
  EXPECT_EQ(readings->gpus[2].utilization_percent, 0);
  EXPECT_EQ(readings->gpus[2].pod, "");
}

TEST_F(FollowingTest, PlaysTheModelsLoadFromThePodsBegin) {
  auto bert = pod("b", "uid-b");
  bert.model_type = "bert";
  bert.started_at = at(1);
  runs({pod("a", "uid-a"), bert});
  for (const auto& [milliseconds, percent] : std::vector<std::pair<int, double>>{
           {0, 10}, {999, 10}, {1000, 20}, {2500, 30}, {3000, 10}}) {
    clock.time = at(milliseconds);
    const auto readings = following.read();
    ASSERT_TRUE(readings);
    EXPECT_EQ(readings->gpus[0].utilization_percent, percent) << milliseconds;
    EXPECT_EQ(readings->gpus[0].pod, "a-1");
    EXPECT_EQ(readings->gpus[1].utilization_percent, 50);
    EXPECT_EQ(readings->at, clock.time);
  }
}

TEST_F(FollowingTest, PodsKeepTheirGpus) {
  auto pair = pod("pair", "uid-p");
  pair.gpus = 2;
  pair.started_at = at(5);
  auto late = pod("late", "uid-l");
  late.started_at = at(9);
  runs({late, pair, pod("a", "uid-a")});
  EXPECT_THAT(pods_of_gpus(), ElementsAre("a-1", "pair-1", "pair-1"));
  runs({late, pair});
  EXPECT_THAT(pods_of_gpus(), ElementsAre("late-1", "pair-1", "pair-1"));
  runs({late});
  EXPECT_THAT(pods_of_gpus(), ElementsAre("late-1", "", ""));
}

TEST_F(FollowingTest, OnlyPodsThatRunHereAndAskForGpusHoldThem) {
  auto elsewhere = pod("e", "uid-e");
  elsewhere.node = "node-2";
  auto without = pod("w", "uid-w");
  without.gpus = 0;
  auto pending = pod("p", "uid-p");
  pending.started_at = {};
  runs({elsewhere, without, pending});
  EXPECT_THAT(pods_of_gpus(), ElementsAre("", "", ""));
}

TEST_F(FollowingTest, AModelWithoutALoadPlaysTheFirst) {
  auto unknown = pod("x", "uid-x");
  unknown.model_type = "gpt";
  runs({unknown});
  EXPECT_EQ(following.read()->gpus[0].utilization_percent, 10);
}

TEST(Loads, SayWhatARecordingLacks) {
  for (const auto& only : {recorded("resnet50", 10), recorded("", 0)}) {
    ScriptedSource recording;
    recording.script.push_back(Readings{at(0), {only}});
    const auto loads = Loads::read(recording);
    ASSERT_FALSE(loads);
    EXPECT_THAT(loads.error().message, HasSubstr("expected"));
  }
  ScriptedSource broken;
  broken.script.push_back(fail(ErrorKind::invalid, "line 1"));
  EXPECT_EQ(Loads::read(broken).error().message, "line 1");
}

}  // namespace
}  // namespace oppen::telemetry
