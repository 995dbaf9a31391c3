// Proves what the dashboard shows, that it keeps to narrow terminals, and that a part which is not there says so.
#include "producers/access/dashboard_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

namespace oppen::access {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

json everything() {
  return json::parse(R"({
    "generated_at": "2026-01-03T18:15:00.000Z",
    "health": {"ok": false, "parts": [
      {"name": "redis", "ok": true, "detail": "answers"},
      {"name": "cost", "ok": true, "detail": "ready", "lag": 12},
      {"name": "mlflow", "ok": false, "detail": "no answer from http://127.0.0.1:5000/api/2.0/mlflow: Connection refused"}]},
    "alerts": {"firing": 3, "critical": 1, "warning": 2, "info": 0, "alerts": [
      {"kind": "gpu_hot", "severity": "critical", "summary": "GPU 0 of gpu-node is at 91 C", "started_at": "2026-01-03T18:05:00.000Z"},
      {"kind": "gpu_underutilized", "severity": "warning", "summary": "resnet-7 uses 12 % of its GPU",
        "started_at": "2026-01-03T16:15:00.000Z", "proposal_id": "right-size-resnet"}]},
    "costs": {"today": {"day": "2026-01-03", "total_microusd": 3000000, "run_seconds": 7200, "runs": 2},
      "month": {"from": "2026-01-01", "total_microusd": 7000000, "run_seconds": 9000,
        "by_team": [{"key": "vision", "total_microusd": 6000000}, {"key": "", "total_microusd": 1000000}],
        "by_model": [{"key": "resnet", "total_microusd": 7000000}]},
      "hourly_microusd": 420000, "pending_microusd": 41000},
    "cluster": {"in_use": {"gpus": 1, "cpu": "1", "memory": "2Gi"}, "known": {"gpus": 4, "cpu": "20", "memory": "72Gi"},
      "node_count": 1, "all_nodes": true, "nodes": [{"node": "gpu-node", "ready": true, "gpu_type": "A100", "pods": 1,
        "in_use": {"gpus": 1, "cpu": "1", "memory": "512Mi"}, "allocatable": {"gpus": 4, "cpu": "19950m", "memory": "75333444Ki"}}]},
    "pods": {"total": 3, "pods": [{"pod": "resnet-7-1", "job_id": "resnet-7", "model_type": "resnet", "team": "vision",
      "state": "running", "running_seconds": 600, "gpu_type": "A100", "hourly_microusd": 420000, "spent_microusd": 70000,
      "gpu_utilization_percent": 83.4, "cpu_cores_mean": 0.7, "memory_max_bytes": 1073741824, "node": "gpu-node"}]},
    "queue": {"queued": {"total": 2, "urgent": 0, "normal": 2, "background": 0}, "running": 1, "slots": 3, "completed": 5,
      "failed": 0, "cancelled": 1, "next_slot_in_seconds": 0, "total_wait_seconds": 500, "paused": false, "head_waits": "waits for a quota",
      "jobs": [{"job_id": "mnist-8", "model_type": "mnist", "priority": "normal", "position": 1, "epochs": 2,
        "estimated_duration_seconds": 250, "estimated_cost_microusd": 20500}]}})");
}

std::size_t widest(const std::string& text) {
  std::istringstream lines(text);
  std::string line;
  std::size_t most = 0;
  while (std::getline(lines, line)) most = std::max(most, line.size());
  return most;
}

TEST(DashboardText, ShowsEverything) {
  EXPECT_EQ(dashboard_text(everything(), {}),
            R"(OPPEN  2026-01-03T18:15:00.000Z

HEALTH  1 of 3 parts down
  redis       ok    answers
  cost        ok    lag 12; ready
  mlflow      DOWN  no answer from http://127.0.0.1:5000/api/2.0/mlflow: Connection refused

ALERTS  1 critical, 2 warning
  critical    gpu_hot: GPU 0 of gpu-node is at 91 C, for 10m 0s
  warning     gpu_underutilized: resnet-7 uses 12 % of its GPU, for 2h 0m; oppen approve right-size-resnet
              ... and 1 more: oppen alerts

COSTS
  Today       $3.00 (2 runs, 2h 0m of runs, $1.50 each)
  This month  $7.00 (2h 30m of runs since 2026-01-01)
  By team     vision $6.00, (none) $1.00
  By model    resnet $7.00
  Running     $0.4200 an hour now
  Pending     $0.0410 of jobs that wait

CLUSTER  1 node
  GPUs        1 of 4 in use
  CPU         1 of 20 cores in use
  Memory      2Gi of 72Gi in use
  NODE      STATE  GPUS  TYPE      CPU        MEMORY  PODS
  gpu-node  ready   1/4  A100  1/19.95  512Mi/71.8Gi     1

PODS  3, the 1 that began first
  POD         MODEL   TEAM    STATE       RAN  GPU   UTIL  CORES  MEMORY   $/HOUR    SPENT  NODE
  resnet-7-1  resnet  vision  running  10m 0s  A100  83 %   0.70     1Gi  $0.4200  $0.0700  gpu-node

QUEUE
  Queued      2 (0 urgent, 2 normal, 0 background), 8m 20s until all have run
  Running     1 of 3 slots, next free now
  Ended       5 completed, 0 failed, 1 cancelled
  First waits waits for a quota
POS  JOB      MODEL  PRIORITY  EPOCHS  EST.TIME  EST.COST
  1  mnist-8  mnist  normal         2    4m 10s   $0.0205
... and 1 more
)");
}

TEST(DashboardText, KeepsToTheWidth) {
  for (const int width : {60, 80, 120}) {
    const auto text = dashboard_text(everything(), {width, false});
    EXPECT_LE(widest(text), static_cast<std::size_t>(width)) << text;
    for (const auto* there :
         {"resnet-7-1", "$0.4200", "mnist-8", "DOWN", "lag 12", "91 C", "right-size-resnet"})
      EXPECT_THAT(text, HasSubstr(there)) << width;
  }
  EXPECT_THAT(dashboard_text(everything(), {60, false}), Not(HasSubstr("1Gi")));
  EXPECT_THAT(dashboard_text(everything(), {80, false}), HasSubstr("83 %"));
  EXPECT_THAT(dashboard_text(everything(), {120, false}), HasSubstr("1Gi"));
}

TEST(DashboardText, HasCodesOnlyWithColour) {
  EXPECT_THAT(dashboard_text(everything(), {80, false}), Not(HasSubstr("\x1b")));
  EXPECT_THAT(dashboard_text(everything(), {80, true}), HasSubstr("\x1b[31mDOWN\x1b[0m"));
}

TEST(DashboardText, APartThatIsNotThereSaysSo) {
  auto dashboard = everything();
  const json missing = {{"error", {{"code", "unavailable"}, {"message", "Redis is away"}}}};
  for (const auto* part : {"costs", "pods", "queue"}) dashboard[part] = missing;
  dashboard["cluster"] = {{"in_use", {{"gpus", 1}, {"cpu", "1"}, {"memory", "2Gi"}}},
                          {"error", {{"code", "unavailable"}, {"message", "Kubernetes is away"}}}};
  const auto text = dashboard_text(dashboard, {80, false});
  EXPECT_THAT(text, HasSubstr("COSTS\n  not known   -  Redis is away\n"));
  EXPECT_THAT(text, HasSubstr("PODS\n  not known   -  Redis is away\n"));
  EXPECT_THAT(text, HasSubstr("QUEUE\n  not known   -  Redis is away\n"));
  EXPECT_THAT(text, HasSubstr("GPUs        1 in use\n"));
  EXPECT_THAT(text, HasSubstr("Kubernetes is away"));
  EXPECT_THAT(text, HasSubstr("redis       ok"));
}

TEST(DashboardText, WhereNothingFiresItSaysSo) {
  auto dashboard = everything();
  dashboard["alerts"] = {{"firing", 0}, {"alerts", json::array()}};
  EXPECT_THAT(dashboard_text(dashboard, {}), HasSubstr("ALERTS  nothing fires\n"));
  dashboard["alerts"] = {{"error", {{"code", "unavailable"}, {"message", "Redis is away"}}}};
  EXPECT_THAT(dashboard_text(dashboard, {}), HasSubstr("ALERTS\n  not known   -  Redis is away\n"));
  dashboard.erase("alerts");
  EXPECT_THAT(dashboard_text(dashboard, {}), Not(HasSubstr("ALERTS"))) << "of an older console";
}

TEST(DashboardText, NothingAtAllIsNoFault) {
  EXPECT_THAT(dashboard_text(json::object(), {80, false}), HasSubstr("QUEUE"));
  EXPECT_THAT(dashboard_text(json{{"pods", 3}, {"queue", nullptr}}, {}), HasSubstr("PODS"));
}

TEST(DashboardText, ANameCannotWriteToTheTerminal) {
  auto dashboard = everything();
  dashboard["pods"]["pods"][0]["pod"] = "a\x1b[2Jb";
  dashboard["health"]["parts"][0]["detail"] = "\x07";
  dashboard["costs"]["month"]["by_team"][0]["key"] = "\x1b]0;x";
  EXPECT_THAT(dashboard_text(dashboard, {80, false}), Not(HasSubstr("\x1b")));
}

TEST(Wrapped, BreaksBetweenWords) {
  EXPECT_EQ(wrapped("one two three", 2, 7), "one two\n  three");
  EXPECT_EQ(wrapped("one two three", 2, 0), "one two three");
  EXPECT_EQ(wrapped("unbreakable", 0, 3), "unbreakable");
  EXPECT_EQ(wrapped("", 0, 10), "");
}

}  // namespace
}  // namespace oppen::access
