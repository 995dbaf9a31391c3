// Proves what is told of a pod's CPU and memory, and that a gap, a restart or a clock set back is not counted as use.
#include "producers/telemetry/pod_meter.hpp"

#include <gmock/gmock.h>

#include "tests/unit/telemetry_agent/scripted.hpp"

namespace oppen::telemetry {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;
using testing::SizeIs;

class PodMeterTest : public testing::Test {
 protected:
  std::vector<PodSample> look(int milliseconds, double cpu_seconds, std::int64_t memory = 1000) {
    usage = {{"uid-a", {cpu_seconds, memory}}};
    return meter.add(at(milliseconds), pods);
  }
  std::map<std::string, PodUsage> usage;
  std::set<std::string> asked;
  KnownPods pods{{pod("a", "uid-a"), [] {
                    auto other = pod("web", "uid-web");
                    other.job_id = "";
                    return other;
                  }()}};
  PodMeter meter{"node-1", 10s, [this](const std::set<std::string>& uids) {
                   asked = uids;
                   return usage;
                 }};
};

TEST_F(PodMeterTest, TellsMeansBetweenTwoLooks) {
  EXPECT_THAT(look(3'000, 5), IsEmpty());
  EXPECT_EQ(asked, std::set<std::string>{"uid-a"}) << "pods without a job are nobody's business";
  EXPECT_THAT(look(9'000, 6), IsEmpty());
  const auto samples = look(10'000, 22.5, 3000);
  ASSERT_THAT(samples, SizeIs(1));
  EXPECT_EQ(samples[0].pod, "a-1");
  EXPECT_EQ(samples[0].job_id, "a");
  EXPECT_EQ(samples[0].node, "node-1");
  EXPECT_EQ(samples[0].sampled_at, at(10'000));
  EXPECT_DOUBLE_EQ(samples[0].interval_seconds, 7);
  EXPECT_DOUBLE_EQ(samples[0].cpu_cores, 2.5);
  EXPECT_EQ(samples[0].memory_bytes, 2000);
}

TEST_F(PodMeterTest, CountsNoGapAndNoClockSetBackAndNoCounterBegunAnew) {
  look(10'000, 5);
  EXPECT_THAT(look(40'000, 6), IsEmpty());
  EXPECT_THAT(look(20'000, 7), IsEmpty());
  EXPECT_THAT(look(30'000, 1), IsEmpty());
  EXPECT_THAT(look(40'000, 2), SizeIs(1));
}

}  // namespace
}  // namespace oppen::telemetry
