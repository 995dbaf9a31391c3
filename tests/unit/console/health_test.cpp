// Proves how the scheduler's own word becomes the state of the parts that only it sees.
#include "workers/console/health.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/console/scripted.hpp"

namespace oppen::console {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

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
  const auto secret =
      scheduler_parts(fail(ErrorKind::unavailable, "connection refused"), "http://kim:hunter2@s");
  EXPECT_THAT(secret[0].detail, AllOf(HasSubstr("http://s"), Not(HasSubstr("hunter2"))));
  const auto away = scheduler_parts(fail(ErrorKind::unavailable, "connection refused"), "http://s");
  EXPECT_FALSE(away[0].ok);
  EXPECT_THAT(away[0].detail, HasSubstr("OPPEN_SCHEDULER_URL"));
  EXPECT_EQ(away.size(), 1u);
  const auto stranger = scheduler_parts("<html>", "http://s");
  EXPECT_FALSE(stranger[0].ok);
  EXPECT_THAT(stranger[0].detail, HasSubstr("no Oppen worker"));
}

TEST(WorkerParts, TellTheLagOfAllItsTopics) {
  const std::string metrics =
      "# TYPE oppen_consumer_lag gauge\noppen_consumer_lag{topic=\"oppen.runs\"} 3\n"
      "oppen_consumer_lag_of_others{topic=\"x\"} 90\noppen_consumer_lag{topic=\"oppen.telemetry\"} "
      "1e3\n"
      "oppen_leader 1\n";
  const auto parts =
      worker_parts("cost", R"({"ready":true,"dependencies":{"kafka":"ok"}})", metrics, "http://c");
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_TRUE(parts[0].ok);
  EXPECT_EQ(parts[0].lag, 1'003);
  EXPECT_EQ(health_json(parts)["parts"][0]["lag"], 1'003);
  EXPECT_FALSE(lag_in("oppen_leader 1\n"));
  EXPECT_FALSE(lag_in(""));
  EXPECT_EQ(lag_in("oppen_consumer_lag{topic=\"a\"} 7"), 7);
  for (const auto* absurd : {"nan", "inf", "-inf", "1e300"})
    EXPECT_FALSE(lag_in(std::string("oppen_consumer_lag{topic=\"a\"} ") + absurd)) << absurd;
}

TEST(WorkerParts, NameTheSettingAndTellOfMlflowThroughItsBridge) {
  const auto away = worker_parts("cost", fail(ErrorKind::unavailable, "refused"), "", "http://c");
  EXPECT_FALSE(away[0].ok);
  EXPECT_THAT(away[0].detail, HasSubstr("OPPEN_WORKER_URLS"));
  EXPECT_FALSE(away[0].lag);
  const auto bridge = worker_parts(
      "mlflow-bridge",
      R"({"ready":false,"dependencies":{"console":"ok","kafka":"ok","mlflow":"no answer"}})", "",
      "http://m");
  ASSERT_EQ(bridge.size(), 2u);
  EXPECT_EQ(bridge[0].detail, "not ready; mlflow: no answer");
  EXPECT_EQ(bridge[1].name, "mlflow");
  EXPECT_FALSE(bridge[1].ok);
}

TEST(WorkerUrls, AreNamesAndUrls) {
  EXPECT_TRUE(worker_urls("")->empty());
  const auto two = worker_urls("cost=http://c:1/,telemetry=http://t:2");
  ASSERT_TRUE(two);
  EXPECT_EQ(two->at(0), std::pair(std::string("cost"), std::string("http://c:1")));
  EXPECT_EQ(two->at(1).first, "telemetry");
  for (const auto* wrong : {"http://c:1", "=http://c", "cost="}) {
    const auto refused = worker_urls(wrong);
    ASSERT_FALSE(refused) << wrong;
    EXPECT_THAT(refused.error().message, HasSubstr("OPPEN_WORKER_URLS"));
  }
}

TEST(WorkerUrls, HaveNoPassword) {
  for (const auto* wrong : {"cost=http://c:1,mine=http://me:hush@t:2/x", "http://me:hush@t:2",
                            "cost=me:hush@t:2", "cost=https://hush@t?a"}) {
    const auto refused = worker_urls(wrong);
    ASSERT_FALSE(refused) << wrong;
    EXPECT_THAT(refused.error().message, HasSubstr("OPPEN_WORKER_URLS"));
    EXPECT_THAT(refused.error().message, Not(HasSubstr("hush")));
  }
  EXPECT_TRUE(worker_urls("cost=http://c:1/a@b"));
}

TEST(LeaderPart, IsDownUntilSomebodyLeads) {
  ScriptedQueue queue;
  EXPECT_FALSE(leader_part(queue).ok);
  queue.who_leads = {{"instance", "s1"}, {"epoch", 4}};
  EXPECT_EQ(leader_part(queue).detail, "s1 leads, epoch 4");
}

}  // namespace
}  // namespace oppen::console
