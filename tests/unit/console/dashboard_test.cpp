// Proves the figures of the dashboard, that they are those of the questions they are taken from, and that a part which cannot be had
// says so while the others are there.
#include "workers/console/dashboard.hpp"

#include <gtest/gtest.h>

#include "tests/unit/console/scripted.hpp"

namespace oppen::console {
namespace {

using nlohmann::json;

cost::DayRow row(const char* day, const char* team, const char* model, std::int64_t microusd) {
  cost::DayRow row;
  row.key.day = std::chrono::floor<std::chrono::days>(*parse_rfc3339(day));
  row.key.team = team;
  row.key.model_type = model;
  row.spent.total_microusd = microusd;
  row.spent.run_ms = 60'000;
  return row;
}

class DashboardTest : public ::testing::Test {
 protected:
  DashboardTest() {
    auto job = record("runs", JobState::running);
    job.spec.resources = {1, std::nullopt, "", 1'000, 2LL << 30};
    job.started_at = clock_.time - std::chrono::minutes(10);
    job.node = "gpu-node";
    job.gpu_type = "A100";
    queue_.alive = {job};
    cost::RunRecord run;
    run.job_id = "runs";
    run.gpu_utilization_percent = 83;
    run.cpu_cores_mean = 0.7;
    run.spent.total_microusd = 70'000;
    books_.records = {run};
    books_.rows = {row("2026-01-01T00:00:00Z", "vision", "resnet", 4'000'000),
                   row("2026-01-03T00:00:00Z", "speech", "llm", 1'000'000),
                   row("2026-01-03T00:00:00Z", "vision", "llm", 2'000'000)};
    queue_.figures.queued[static_cast<std::size_t>(Priority::normal)] = 2;
    queue_.figures.pending_cost[static_cast<std::size_t>(Priority::normal)] = {41'000};
    queue_.figures.usage[static_cast<std::size_t>(Priority::normal)] = job.amounts();
    queue_.waiting = {record("first", JobState::queued), record("second", JobState::queued)};
    nodes_ = ClusterRoom{{{"idle", true, "", 0, 4'000, 8LL << 30},
                          {"gpu-node", true, "", 4, 16'000, 64LL << 30},
                          {"broken", false, "", 8, 16'000, 64LL << 30}},
                         true};
  }

  json show(int limit = 10) { return dashboard_.show(limit); }

  ScriptedQueue queue_;
  ScriptedBooks books_;
  StoppedClock clock_;  // 2026-01-03T18:15
  CostAnswers costs_{books_, queue_, clock_};
  std::vector<Part> parts_{{"console", true, "answers"}, {"redis", false, "away"}};
  Result<ClusterRoom> nodes_;
  Result<anomaly::AlertsView> alerts_;
  Dashboard dashboard_{queue_,
                       books_,
                       costs_,
                       [this] { return parts_; },
                       [this] { return nodes_; },
                       [this] { return alerts_; },
                       clock_};
};

TEST_F(DashboardTest, AddsUpWhatWasSpent) {
  const auto costs = show()["costs"];
  EXPECT_EQ(costs["today"]["day"], "2026-01-03");
  EXPECT_EQ(costs["today"]["total_microusd"], 3'000'000);
  EXPECT_EQ(costs["today"]["run_seconds"], 120);
  EXPECT_EQ(costs["today"]["runs"], 1);
  EXPECT_EQ(costs["month"]["from"], "2026-01-01");
  EXPECT_EQ(costs["month"]["total_microusd"], 7'000'000);
  EXPECT_EQ(costs["month"]["by_team"], json::parse(R"([{"key":"vision","total_microusd":6000000},
      {"key":"speech","total_microusd":1000000}])"));
  EXPECT_EQ(costs["month"]["by_model"][0]["key"], "resnet");
  EXPECT_EQ(costs["pending_microusd"], 41'000);
  // By the default rates, outside of the off-peak window: 0.35 + 1 x 0.05 + 2 x 0.01.
  EXPECT_EQ(costs["hourly_microusd"], 420'000);
}

TEST_F(DashboardTest, ListsPodsWithWhatTheyCostAndDo) {
  const auto pods = show()["pods"];
  EXPECT_EQ(pods["total"], 1);
  const auto& pod = pods["pods"][0];
  EXPECT_EQ(pod["pod"], "runs-1");
  EXPECT_EQ(pod["hourly_microusd"], 420'000);
  EXPECT_EQ(pod["spent_microusd"], 70'000);
  EXPECT_EQ(pod["running_seconds"], 600);
  EXPECT_EQ(pod["gpu_utilization_percent"], 83);
  EXPECT_EQ(pod["cpu_cores_mean"], 0.7);
  EXPECT_FALSE(pod.contains("memory_max_bytes")) << "nobody has told it";
}

TEST_F(DashboardTest, APodThatHasNotStartedCostsNothingYet) {
  queue_.alive = {record("comes", JobState::launching)};
  books_.records.clear();
  const auto body = show();
  EXPECT_FALSE(body["pods"]["pods"][0].contains("hourly_microusd"));
  EXPECT_EQ(body["costs"]["hourly_microusd"], 0);
}

TEST_F(DashboardTest, SetsWhatIsInUseAgainstWhatThereIs) {
  const auto cluster = show()["cluster"];
  EXPECT_EQ(cluster["in_use"], (json{{"gpus", 1}, {"cpu", "1"}, {"memory", "2Gi"}}));
  EXPECT_EQ(cluster["known"], (json{{"gpus", 4}, {"cpu", "20"}, {"memory", "72Gi"}}))
      << "without the node that is not ready";
  EXPECT_EQ(cluster["node_count"], 3);
  EXPECT_EQ(cluster["nodes"][0]["node"], "gpu-node") << "those in use first";
  EXPECT_EQ(cluster["nodes"][0]["in_use"]["gpus"], 1);
  EXPECT_EQ(cluster["nodes"][2]["ready"], false);
}

TEST_F(DashboardTest, ShowsTheQueueAsItsOwnQuestionDoes) {
  const auto queue = show(1)["queue"];
  EXPECT_EQ(queue["queued"]["total"], 2);
  EXPECT_EQ(queue["running"], 1);
  EXPECT_EQ(queue["pending_cost_microusd"], 41'000);
  ASSERT_EQ(queue["jobs"].size(), 1u) << "the limit";
  EXPECT_EQ(queue["jobs"][0]["job_id"], "first");
}

TEST_F(DashboardTest, ShowsWhatFiresTheGravestFirst) {
  EXPECT_EQ(show()["alerts"]["firing"], 0);
  const auto add = [this](const char* fingerprint, const char* state, const char* severity) {
    anomaly::Episode one;
    one.state = state;
    one.severity = severity;
    one.since = clock_.time;
    one.alert = {{"kind", "gpu_hot"}, {"severity", severity}, {"summary", "hot"}};
    alerts_->episodes[fingerprint] = one;
  };
  add("a", "firing", "warning");
  add("b", "firing", "critical");
  add("c", "firing", "warning");
  add("d", "pending", "critical");
  add("e", "resolved", "critical");
  const auto alerts = show(2)["alerts"];
  EXPECT_EQ(alerts["firing"], 3);
  EXPECT_EQ(alerts["critical"], 1);
  EXPECT_EQ(alerts["warning"], 2);
  ASSERT_EQ(alerts["alerts"].size(), 2u) << "the limit";
  EXPECT_EQ(alerts["alerts"][0]["fingerprint"], "b");
  alerts_ = fail(ErrorKind::unavailable, "Redis is away");
  EXPECT_EQ(show(3)["alerts"]["error"]["message"], "Redis is away");
  EXPECT_EQ(show(3)["queue"]["queued"]["total"], 2);
}

TEST_F(DashboardTest, ShowsHealthAsItsOwnQuestionDoes) {
  EXPECT_EQ(show()["health"], health_json(parts_));
}

TEST_F(DashboardTest, IsLookedAtOnceInASecond) {
  const auto first = show();
  queue_.waiting.clear();
  parts_.clear();
  EXPECT_EQ(show(), first);
  EXPECT_TRUE(show(9)["queue"]["jobs"].empty()) << "another limit";
  EXPECT_TRUE(show()["queue"]["jobs"].empty());
  queue_.waiting = {record("third", JobState::queued)};
  clock_.time += std::chrono::seconds(1);
  EXPECT_EQ(show()["queue"]["jobs"][0]["job_id"], "third");
}

TEST_F(DashboardTest, WithoutRedisTheRestIsThere) {
  queue_.away = Error{ErrorKind::unavailable, "Redis is away"};
  books_.away = queue_.away;
  const auto body = show();
  for (const auto* part : {"queue", "costs", "pods"})
    EXPECT_EQ(body[part]["error"]["message"], "Redis is away") << part;
  EXPECT_EQ(body["cluster"]["known"]["gpus"], 4);
  EXPECT_FALSE(body["cluster"].contains("in_use")) << "nobody knows";
  EXPECT_FALSE(body["cluster"]["nodes"][0].contains("pods"));
  EXPECT_EQ(body["health"]["parts"].size(), 2u);
}

TEST_F(DashboardTest, WithoutKubernetesTheRestIsThere) {
  nodes_ = fail(ErrorKind::unavailable, "no answer");
  const auto body = show();
  EXPECT_EQ(body["cluster"]["error"]["message"], "no answer");
  EXPECT_EQ(body["cluster"]["in_use"]["gpus"], 1);
  EXPECT_FALSE(body["cluster"].contains("known"));
  EXPECT_EQ(body["pods"]["total"], 1);
}

TEST_F(DashboardTest, WaitsOnceForWhatDoesNotAnswer) {
  books_.away = Error{ErrorKind::unavailable, "no answer in 5 s"};
  const auto body = show();
  EXPECT_EQ(body["queue"]["queued"]["total"], 2);
  for (const auto* part : {"costs", "pods"})
    EXPECT_EQ(body[part]["error"]["message"], "no answer in 5 s") << part;
  EXPECT_EQ(books_.asked, 1);
}

TEST_F(DashboardTest, WithBrokenBooksTheQueueIsThere) {
  books_.away = Error{ErrorKind::fatal, "broken"};
  const auto body = show();
  EXPECT_EQ(body["costs"]["error"]["code"], "fatal");
  EXPECT_EQ(body["pods"]["error"]["message"], "broken");
  EXPECT_EQ(body["queue"]["queued"]["total"], 2);
}

}  // namespace
}  // namespace oppen::console
