// Proves how the scheduler's own word becomes the state of the parts that only it sees.
#include "workers/console/health.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/console/scripted.hpp"

namespace oppen::console {
namespace {

using ::testing::HasSubstr;

TEST(SchedulerParts, AreWellWhenItIsReady) {
  const auto parts =
      scheduler_parts(R"({"ready":true,"dependencies":{"kafka":"ok","redis":"ok"}})", "http://s");
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_TRUE(parts[0].ok);
  EXPECT_EQ(parts[0].detail, "ready");
  EXPECT_EQ(parts[1].name, "kafka");
  EXPECT_TRUE(parts[1].ok);
}

TEST(SchedulerParts, SayWhatItMisses) {
  const auto parts = scheduler_parts(
      R"({"ready":false,"dependencies":{"kafka":"all brokers down","redis":"ok"}})", "http://s");
  EXPECT_FALSE(parts[0].ok);
  EXPECT_EQ(parts[0].detail, "not ready; kafka: all brokers down");
  EXPECT_FALSE(parts[1].ok);
  EXPECT_EQ(parts[1].detail, "all brokers down");
}

TEST(SchedulerParts, NameTheSettingWhenNobodyAnswers) {
  const auto away = scheduler_parts(fail(ErrorKind::unavailable, "connection refused"), "http://s");
  EXPECT_FALSE(away[0].ok);
  EXPECT_THAT(away[0].detail, HasSubstr("OPPEN_SCHEDULER_URL"));
  EXPECT_EQ(away.size(), 1u);
  const auto stranger = scheduler_parts("<html>", "http://s");
  EXPECT_FALSE(stranger[0].ok);
  EXPECT_THAT(stranger[0].detail, HasSubstr("no Oppen worker"));
}

TEST(LeaderPart, IsDownUntilSomebodyLeads) {
  ScriptedQueue queue;
  EXPECT_FALSE(leader_part(queue).ok);
  queue.who_leads = {{"instance", "s1"}, {"epoch", 4}};
  EXPECT_EQ(leader_part(queue).detail, "s1 leads, epoch 4");
}

}  // namespace
}  // namespace oppen::console
