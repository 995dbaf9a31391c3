// Proves what the API answers to each question: the figures of the queue, jobs page by page in
// their order, one job whole, why there is no log; and that faults are named with the right status.
#include "workers/console/api.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/console/scripted.hpp"
#include "workers/cost/budgets/unseen.hpp"

namespace oppen::console {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Answered {
  int status;
  json body;
};

class ApiTest : public ::testing::Test {
 protected:
  Answered get(const std::string& path, std::map<std::string, std::string> params = {}) {
    const auto reply = api_.handle({"GET", path, std::move(params), ""});
    return {reply.answer.status, json::parse(reply.answer.body, nullptr, false)};
  }
  static std::vector<std::string> ids(const json& body) {
    std::vector<std::string> list;
    for (const auto& job : body["jobs"]) list.push_back(job["job_id"]);
    return list;
  }

  ScriptedQueue queue_;
  ScriptedBooks books_;
  ScriptedLogs logs_;
  ScriptedScheduler scheduler_;
  StoppedClock clock_;
  std::vector<Part> parts_;
  Result<ClusterRoom> nodes_;
  Result<std::vector<budgets::BudgetView>> budgets_;
  Result<anomaly::AlertsView> alerts_;
  Api api_{queue_,
           books_,
           logs_,
           scheduler_,
           [this] { return parts_; },
           [this] { return nodes_; },
           clock_,
           "ml-training",
           [this] { return budgets_; },
           [this] { return alerts_; }};
};

TEST_F(ApiTest, AlertsTheGravestFirstAndWhatIsOverLast) {
  const auto episode = [](const std::string& state, const std::string& severity, Time since) {
    anomaly::Episode one;
    one.kind = "gpu_hot";
    one.state = state;
    one.severity = severity;
    one.since = since;
    if (state == "resolved") one.ended = since + std::chrono::minutes(5);
    one.alert = {{"kind", "gpu_hot"},
                 {"severity", severity},
                 {"summary", "hot"},
                 {"alert_id", "x"},
                 {"labels", {{"node", "a"}}}};
    return one;
  };
  anomaly::AlertsView view;
  view.episodes = {{"over", episode("resolved", "critical", clock_.time)},
                   {"slight", episode("firing", "info", clock_.time)},
                   {"soon", episode("pending", "critical", clock_.time)},
                   {"grave", episode("firing", "critical", clock_.time)}};
  view.feedback["slight"].feedback = "noise";
  view.feedback["slight"].by = "eva";
  AlertSilence silence{"s", {"gpu_hot", {}}, clock_.time + std::chrono::hours(1), "eva", ""};
  view.silences = {silence, silence};
  view.silences[1].until = clock_.time;
  alerts_ = view;
  const auto all = get("/api/v1/alerts", {{"state", "all"}}).body;
  std::vector<std::string> order;
  for (const auto& one : all["alerts"]) order.push_back(one["fingerprint"]);
  EXPECT_EQ(order, (std::vector<std::string>{"grave", "slight", "soon", "over"}));
  EXPECT_EQ(all["alerts"][1]["feedback"]["feedback"], "noise");
  EXPECT_FALSE(all["alerts"][0].contains("alert_id"));
  EXPECT_TRUE(all["alerts"][3].contains("ended_at"));
  EXPECT_EQ(all["silences"].size(), 1);
  EXPECT_EQ(get("/api/v1/alerts").body["alerts"].size(), 2);
  EXPECT_EQ(get("/api/v1/alerts", {{"state", "gone"}}).status, 400);
  alerts_ = fail(ErrorKind::unavailable, "Redis is away");
  EXPECT_EQ(get("/api/v1/alerts").status, 503);
}

TEST_F(ApiTest, BudgetsWithWhatRunsAgainstThem) {
  BudgetSet set{"vision", {"vision", ""}, "month", {100'000'000}, {50, 80, 100}, "hard"};
  budgets::ToldState told;
  told.state.budget_id = "vision";
  told.state.period_start = *parse_rfc3339("2026-01-01T00:00:00Z");
  told.state.spent = {60'000'000};
  told.state.forecast = {90'000'000};
  told.at = clock_.time;
  auto launching = record("mine", JobState::launching);
  launching.spec.team = "vision";
  launching.estimated_cost = {10'000'000};
  auto other = launching;
  other.spec.team = "speech";
  queue_.alive = {launching, other};
  budgets_ = std::vector<budgets::BudgetView>{{set, told}};
  const auto [status, body] = get("/api/v1/budgets");
  EXPECT_EQ(status, 200);
  const auto& budget = body["budgets"][0];
  EXPECT_EQ(budget["budget_id"], "vision");
  EXPECT_EQ(budget["spent_microusd"], 60'000'000);
  EXPECT_EQ(budget["committed_microusd"], 10'000'000);
  EXPECT_EQ(budget["left_microusd"], 30'000'000);
  EXPECT_EQ(budget["forecast_microusd"], 90'000'000);
  EXPECT_EQ(budget["period_end"], "2026-02-01T00:00:00.000Z");
  EXPECT_EQ(budget["exceeded"], false);
  EXPECT_EQ(budget["summed"], true);
  // What has just ended counts, as it does for the scheduler.
  queue_.just_ended = {{budgets::unseen_field("vision", "", clock_.time), {5'000'000}},
                       {budgets::unseen_field("speech", "", clock_.time), {7'000'000}}};
  EXPECT_EQ(get("/api/v1/budgets").body.at("budgets").at(0).at("committed_microusd"), 15'000'000);
  queue_.just_ended.clear();
  // Of a new one it is not known what is spent.
  budgets_ = std::vector<budgets::BudgetView>{{set, std::nullopt}};
  EXPECT_EQ(get("/api/v1/budgets").body.at("budgets").at(0).at("summed"), false);
  // Of another month nothing is known.
  told.state.period_start = *parse_rfc3339("2025-12-01T00:00:00Z");
  budgets_ = std::vector<budgets::BudgetView>{{set, told}};
  const auto [again, other_month] = get("/api/v1/budgets");
  EXPECT_EQ(other_month["budgets"][0]["spent_microusd"], 0);
  EXPECT_FALSE(other_month["budgets"][0].contains("as_of"));
  budgets_ = fail(ErrorKind::unavailable, "Redis is away");
  EXPECT_EQ(get("/api/v1/budgets").status, 503);
}

TEST_F(ApiTest, TheQueueInFigures) {
  queue_.policies = {{"scheduling_policies", {{"max_concurrent_jobs", "2"}}}};
  queue_.who_leads = {{"instance", "s1"}, {"epoch", 4}};
  queue_.figures.queued[0] = 1;
  queue_.figures.queued[1] = 3;
  queue_.figures.pending_cost[1] = MicroUsd{31'400};
  queue_.figures.pending_seconds[0] = 1'000;
  queue_.figures.pending_seconds[1] = 80;
  queue_.figures.usage[1] = {2, 2, 3'500, 4LL << 30};
  queue_.figures.jobs = {{JobState::succeeded, 5}, {JobState::failed, 1}};
  auto slow = record("slow", JobState::running);
  slow.started_at = clock_.time - std::chrono::seconds{50};
  auto soon = record("soon", JobState::running);
  soon.started_at = clock_.time - std::chrono::seconds{100};
  queue_.alive = {slow, soon};
  queue_.waiting = {record("next", JobState::queued)};

  const auto [status, body] = get("/api/v1/queue");
  EXPECT_EQ(status, 200);
  EXPECT_EQ(body["queued"], json::parse(R"({"total":4,"urgent":1,"normal":3,"background":0})"));
  EXPECT_EQ(body["running"], 2);
  EXPECT_EQ(body["slots"], 2);
  EXPECT_EQ(body["completed"], 5);
  EXPECT_EQ(body["failed"], 1);
  EXPECT_EQ(body["cancelled"], 0);
  EXPECT_EQ(body["capacity_used_percent"], 100.0);
  EXPECT_EQ(body["next_slot_in_seconds"], 150.0);
  EXPECT_EQ(body["total_wait_seconds"], 540.0);
  EXPECT_EQ(body["pending_cost_microusd"], 31'400);
  EXPECT_EQ(body["usage"], json::parse(R"({"gpus":2,"cpu":"3500m","memory":"4Gi"})"));
  EXPECT_EQ(body["leader"]["instance"], "s1");
  EXPECT_THAT(ids(body), ElementsAre("next"));
}

TEST_F(ApiTest, AFreeSlotIsFreeNow) {
  queue_.figures.usage[1] = {1, 1, 1'000, 1};
  queue_.alive = {record("a", JobState::launching)};
  const auto body = get("/api/v1/queue").body;
  EXPECT_EQ(body["slots"], 3);  // the default, until a policy is published
  EXPECT_EQ(body["next_slot_in_seconds"], 0);
  EXPECT_EQ(body["leader"], nullptr);
}

TEST_F(ApiTest, AnOverrideHoldsOverTheConfigMap) {
  queue_.policies = json::parse(R"({"scheduling_policies":{"max_concurrent_jobs":"2"},
      "overrides":[{"key":"max_concurrent_jobs","value":"5"},{"key":"spot_multiplier","value":"0.1"}]})");
  EXPECT_EQ(get("/api/v1/queue").body["slots"], 5);
  EXPECT_EQ(get("/api/v1/queue").body["paused"], false);
  queue_.policies["overrides"][1] = {{"key", "queue_paused"}, {"value", "true"}};
  EXPECT_EQ(get("/api/v1/queue").body["paused"], true);
}

TEST_F(ApiTest, AnOverdueJobEndsAnyMoment) {
  queue_.policies = {{"scheduling_policies", {{"max_concurrent_jobs", "1"}}}};
  queue_.figures.usage[1] = {1, 1, 1'000, 1};
  auto late = record("late", JobState::running);
  late.started_at = clock_.time - std::chrono::hours{5};
  queue_.alive = {late};
  EXPECT_EQ(get("/api/v1/queue").body["next_slot_in_seconds"], 0.0);
}

TEST_F(ApiTest, JobsComePageByPageInTheirOrder) {
  queue_.alive = {record("l1", JobState::running), record("l2", JobState::launching)};
  queue_.waiting = {record("q1", JobState::queued), record("q2", JobState::queued),
                    record("q3", JobState::queued)};
  queue_.over = {record("e1", JobState::succeeded)};
  std::vector<std::string> all;
  std::string cursor;
  int pages = 0;
  do {
    auto page = get("/api/v1/jobs", {{"limit", "2"}, {"cursor", cursor}}).body;
    for (const auto& id : ids(page)) all.push_back(id);
    cursor = page["next_cursor"];
    ++pages;
  } while (!cursor.empty());
  EXPECT_THAT(all, ElementsAre("l1", "l2", "q1", "q2", "q3", "e1"));
  EXPECT_EQ(pages, 3);
  EXPECT_THAT(ids(get("/api/v1/jobs", {{"state", "ended"}}).body), ElementsAre("e1"));
}

TEST_F(ApiTest, PositionsGoOnOverPages) {
  queue_.waiting = {record("q1", JobState::queued), record("q2", JobState::queued),
                    record("q3", JobState::queued)};
  const auto first = get("/api/v1/jobs", {{"state", "queued"}, {"limit", "2"}}).body;
  EXPECT_EQ(first["jobs"][1]["position"], 2);
  const auto second =
      get("/api/v1/jobs", {{"state", "queued"}, {"limit", "2"}, {"cursor", first["next_cursor"]}})
          .body;
  EXPECT_EQ(second["jobs"][0]["position"], 3);
}

TEST_F(ApiTest, WhenWaitingJobsStartIsTheSchedulersToSay) {
  queue_.alive = {record("l1", JobState::running)};
  queue_.waiting = {record("q1", JobState::queued), record("q2", JobState::queued)};
  scheduler_.answer = {200, R"({"as_of":"t","jobs":[{"job_id":"q2","start_p50":"soon"}]})"};
  EXPECT_FALSE(get("/api/v1/jobs").body["jobs"][2].contains("start_p50"));
  EXPECT_TRUE(scheduler_.asked.empty()) << "only who asks for it waits for it";
  const auto jobs = get("/api/v1/jobs", {{"eta", "true"}}).body["jobs"];
  EXPECT_EQ(scheduler_.asked.back(),
            std::pair(std::string("/api/v1/starts"), std::string(R"({"jobs":["q1","q2"]})")));
  EXPECT_EQ(jobs[2]["start_p50"], "soon");
  scheduler_.answer.body = R"({"as_of":"t","outdated":"busy","jobs":[]})";
  const auto outdated = get("/api/v1/jobs", {{"eta", "true"}}).body;
  EXPECT_EQ(outdated["as_of"], "t");
  EXPECT_EQ(outdated["outdated"], "busy");
  EXPECT_FALSE(jobs[1].contains("start_p50"));
  get("/api/v1/jobs", {{"eta", "true"}, {"state", "live"}});
  EXPECT_EQ(scheduler_.asked.size(), 2U) << "none of these waits";

  scheduler_.answer = {503, R"({"error":{"code":"unavailable","message":"none leads"}})"};
  const auto [status, body] = get("/api/v1/jobs", {{"eta", "true"}});
  EXPECT_EQ(status, 200);
  EXPECT_THAT(ids(body), ElementsAre("l1", "q1", "q2"));
  EXPECT_EQ(body["eta_unknown"], "none leads");
  EXPECT_EQ(get("/api/v1/jobs", {{"eta", "perhaps"}}).status, 400);
}

TEST_F(ApiTest, AJobIsShownWhole) {
  auto failed = record("mnist-7", JobState::failed);
  failed.attempt = 2;
  failed.batch_id = "b7";
  failed.node = "gpu-1";
  failed.started_at = *parse_rfc3339("2026-01-03T18:10:00Z");
  failed.ended_at = *parse_rfc3339("2026-01-03T18:11:01.500Z");
  failed.failure = FailureClass::oom;
  failed.exit_code = 137;
  failed.message = "took more than 2Gi";
  failed.metrics = {{"accuracy", 0.9}};
  queue_.over = {failed};
  const auto [status, body] = get("/api/v1/jobs/mnist-7");
  EXPECT_EQ(status, 200);
  EXPECT_EQ(body["state"], "failed");
  EXPECT_EQ(body["pod"], "mnist-7-2");
  EXPECT_EQ(body["namespace"], "ml-training");
  EXPECT_EQ(body["duration_seconds"], 61.5);
  EXPECT_EQ(body["failure"],
            json::parse(R"({"class":"oom","exit_code":137,"message":"took more than 2Gi"})"));
  EXPECT_EQ(body["metrics"]["accuracy"], 0.9);
  EXPECT_EQ(body["spec"]["resources"], json::parse(R"({"gpus":1,"cpu":"1","memory":"2Gi"})"));
  EXPECT_EQ(body["batch_id"], "b7");
  EXPECT_FALSE(body.contains("position"));
}

TEST_F(ApiTest, AJobThatWaitsHasAPositionAndNoPod) {
  queue_.waiting = {record("a", JobState::queued), record("b", JobState::queued)};
  const auto body = get("/api/v1/jobs/b").body;
  EXPECT_EQ(body["position"], 2);
  EXPECT_FALSE(body.contains("pod"));
  EXPECT_FALSE(body.contains("metrics"));
}

TEST_F(ApiTest, ABatchShowsItsJobsInTheirOrder) {
  queue_.waiting = {record("b-2", JobState::queued)};
  queue_.over = {record("b-1", JobState::succeeded)};
  queue_.batches["b"] = {"b", "queued", clock_.time, {"b-1", "b-2", "b-forgotten"}};
  const auto first = get("/api/v1/batches/b", {{"limit", "1"}}).body;
  EXPECT_EQ(first["job_count"], 3);
  EXPECT_THAT(ids(first), ElementsAre("b-1"));
  const auto rest = get("/api/v1/batches/b", {{"cursor", first["next_cursor"]}}).body;
  EXPECT_THAT(ids(rest), ElementsAre("b-2"));
  EXPECT_EQ(rest["next_cursor"], "");
}

TEST_F(ApiTest, FaultsAreNamedWithTheirParameter) {
  for (const auto& [name, value] : std::map<std::string, std::string>{
           {"limit", "0"}, {"state", "asleep"}, {"stat", "queued"}}) {
    const auto [status, body] = get("/api/v1/jobs", {{name, value}});
    EXPECT_EQ(status, 400) << name;
    EXPECT_EQ(body["error"]["code"], "invalid");
    EXPECT_EQ(body["error"]["field"], name);
    EXPECT_THAT(body["error"]["message"].get<std::string>(), HasSubstr(name));
  }
  EXPECT_EQ(get("/api/v1/jobs", {{"limit", "1001"}}).status, 400);
  EXPECT_EQ(get("/api/v1/jobs", {{"cursor", "nonsense"}}).status, 400);
  EXPECT_EQ(get("/api/v1/jobs", {{"cursor", "queued:x"}}).status, 400);
  EXPECT_EQ(get("/api/v1/queue", {{"cursor", "live:1"}}).status, 400);
}

TEST_F(ApiTest, WhatIsNotThereIsNotFound) {
  for (const auto* path : {"/api/v1/jobs/x", "/api/v1/batches/x", "/api/v1/jobs/x/logs",
                           "/api/v1/jobs/x/nothing", "/api/v1/colours", "/api/v2/queue", "/", ""}) {
    const auto [status, body] = get(path);
    EXPECT_EQ(status, 404) << path;
    EXPECT_EQ(body["error"]["code"], "not_found");
  }
}

TEST_F(ApiTest, ARedisThatIsAwayIsNamed) {
  queue_.away =
      Error{ErrorKind::unavailable, "Redis (setting OPPEN_REDIS_URL): connection refused"};
  for (const auto* path : {"/api/v1/queue", "/api/v1/jobs", "/api/v1/jobs/x", "/api/v1/batches/x",
                           "/api/v1/jobs/x/logs"}) {
    const auto [status, body] = get(path);
    EXPECT_EQ(status, 503) << path;
    EXPECT_THAT(body["error"]["message"].get<std::string>(), HasSubstr("Redis"));
  }
}

TEST_F(ApiTest, ALogIsThatOfThePresentPod) {
  auto running = record("a", JobState::running);
  running.attempt = 3;
  queue_.alive = {running};
  const auto reply =
      api_.handle({"GET", "/api/v1/jobs/a/logs", {{"follow", "true"}, {"tail", "7"}}, ""});
  ASSERT_TRUE(reply.log);
  EXPECT_EQ(logs_.asked.pod, "a-3");
  EXPECT_TRUE(logs_.asked.follow);
  EXPECT_EQ(logs_.asked.tail, 7);
}

TEST_F(ApiTest, WhyThereIsNoLogIsSaid) {
  queue_.waiting = {record("waits", JobState::queued)};
  queue_.alive = {record("starts", JobState::launching)};
  auto ended = record("ended", JobState::succeeded);
  ended.attempt = 1;
  ended.ended_at = clock_.time;
  queue_.over = {ended};
  logs_.refusal = Error{ErrorKind::not_found, "the API server's words"};
  EXPECT_THAT(get("/api/v1/jobs/waits/logs").body["error"]["message"].get<std::string>(),
              HasSubstr("job waits is queued and has had no pod yet"));
  const auto starts = get("/api/v1/jobs/starts/logs");
  EXPECT_EQ(starts.status, 404);
  EXPECT_THAT(starts.body["error"]["message"].get<std::string>(),
              HasSubstr("has no log yet: the API server's words"));
  EXPECT_THAT(get("/api/v1/jobs/ended/logs").body["error"]["message"].get<std::string>(),
              HasSubstr("its pod is gone"));
}

TEST_F(ApiTest, HealthTellsOfEveryPart) {
  parts_ = {{"redis", true, "answers"}, {"kubernetes", false, "no answer"}};
  const auto [status, body] = get("/api/v1/health");
  EXPECT_EQ(status, 200);
  EXPECT_EQ(body["ok"], false);
  EXPECT_EQ(body["parts"][1]["detail"], "no answer");
}

TEST_F(ApiTest, TheRatesInForce) {
  auto [status, body] = get("/api/v1/rates");
  EXPECT_EQ(status, 200);
  EXPECT_EQ(body["gpu_type_hourly_microusd"]["T4"], 150'000) << "the default";
  queue_.policies = {{"scheduling_policies", json::object()},
                     {"cost_model", {{"gpu_type_hourly_usd", "{\"T4\":0.2}"}}},
                     {"overrides", json::array()},
                     {"effective_from", "2026-01-01T00:00:00Z"}};
  EXPECT_EQ(get("/api/v1/rates").body["gpu_type_hourly_microusd"], (json{{"T4", 200'000}}));
}

TEST_F(ApiTest, TheDashboardListsAtMostWhatItIsAskedFor) {
  queue_.waiting = {record("a", JobState::queued), record("b", JobState::queued)};
  EXPECT_EQ(get("/api/v1/dashboard").body["queue"]["jobs"].size(), 2u);
  EXPECT_EQ(get("/api/v1/dashboard", {{"limit", "1"}}).body["queue"]["jobs"].size(), 1u);
  EXPECT_EQ(get("/api/v1/dashboard", {{"limit", "0"}}).status, 400);
}

TEST_F(ApiTest, DescribesItself) {
  const auto reply = api_.handle({"GET", "/api/v1/openapi.yaml", {}, ""});
  EXPECT_EQ(reply.answer.content_type, "application/yaml");
  EXPECT_THAT(reply.answer.body, HasSubstr("openapi: 3.1.0"));
}

TEST_F(ApiTest, WhatOnlyTheSchedulerKnowsIsPassedOn) {
  scheduler_.answer = {503, R"({"error":{"code":"unavailable"}})"};
  const auto [status, body] = get("/api/v1/jobs/mnist-7/explain");
  EXPECT_EQ(status, 503);
  EXPECT_EQ(body["error"]["code"], "unavailable");
  EXPECT_EQ(scheduler_.asked.back().first, "/api/v1/jobs/mnist-7/explain");
  EXPECT_EQ(get("/api/v1/jobs/..%2f..%2f/explain").status, 404);
  EXPECT_EQ(get("/api/v1/jobs/mnist-7/explain", {{"x", "1"}}).status, 400);
  EXPECT_EQ(scheduler_.asked.size(), 1U);
  api_.handle({"POST", "/api/v1/simulate", {{"delays", "false"}}, "{}"});
  EXPECT_EQ(scheduler_.asked.back().first, "/api/v1/simulate?delays=false");
  api_.handle({"POST", "/api/v1/simulate/policy", {}, "{}"});
  EXPECT_EQ(scheduler_.asked.back().first, "/api/v1/simulate/policy");
  const auto posted = api_.handle({"POST", "/api/v1/simulate", {}, "{}"});
  EXPECT_EQ(posted.answer.status, 503);
  EXPECT_EQ(scheduler_.asked.back(), std::pair(std::string("/api/v1/simulate"), std::string("{}")));
}

}  // namespace
}  // namespace oppen::console
