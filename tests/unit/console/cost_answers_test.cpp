// Proves what is answered about cost: a report and its files, days, one job, a forecast by the queue's and the books' knowledge, a
// comparison and recommendations at the rates in force; and that faults are named with the right status.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/console/scripted.hpp"

namespace oppen::console {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using std::chrono::sys_days;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class CostAnswersTest : public ::testing::Test {
 protected:
  struct Answered {
    int status;
    json body;
    std::string text;
  };
  Answered get(const std::string& path, std::map<std::string, std::string> params = {}) {
    return answered(api_.handle({"GET", path, std::move(params), ""}));
  }
  Answered compare(const json& jobs) {
    const auto body = json{{"batch_id", "config"}, {"jobs", jobs}}.dump();
    return answered(api_.handle({"POST", compare_path, {}, body}));
  }
  static Answered answered(const Reply& reply) {
    return {reply.answer.status, json::parse(reply.answer.body, nullptr, false), reply.answer.body};
  }

  // It is 2026-01-03T18:15:00Z.
  static cost::DayRow row(int day, const std::string& team, std::int64_t microusd) {
    cost::DayRow row{{sys_days(std::chrono::year{2026} / 1 / day), team, "digits", "mnist",
                      "training", "T4", "ml-training"},
                     {}};
    row.spent.gpu_microusd = row.spent.total_microusd = microusd;
    return row;
  }
  cost::RunRecord run(const std::string& id, const std::string& state,
                      std::chrono::seconds ran) const {
    cost::RunRecord run;
    run.job_id = id;
    run.name = "nightly";
    run.model_type = "mnist";
    run.state = state;
    run.team = "vision";
    run.attempts = 1;
    run.epochs = 2;
    run.batch_size = 64;
    run.resources.gpus = 1;
    run.resources.cpu_millicores = 1'000;
    run.started_at = clock_.time - ran;
    run.run_seconds = static_cast<double>(ran.count());
    if (state != "running") run.ended_at = clock_.time;
    return run;
  }

  ScriptedQueue queue_;
  ScriptedBooks books_;
  ScriptedLogs logs_;
  ScriptedScheduler scheduler_;
  StoppedClock clock_;
  Api api_{queue_,
           books_,
           logs_,
           scheduler_,
           [] { return std::vector<Part>{}; },
           [] { return ClusterRoom{}; },
           clock_,
           "ml-training",
           [] { return std::vector<budgets::BudgetView>{}; },
           [] { return anomaly::AlertsView{}; }};
};

TEST_F(CostAnswersTest, AReportOfThisMonth) {
  books_.rows = {row(2, "vision", 20'500), row(3, "speech", 24'800)};
  books_.records = {run("a", "succeeded", 246s)};
  const auto [status, body, text] = get("/api/v1/report", {{"by", "team"}});
  EXPECT_EQ(status, 200);
  EXPECT_EQ(body["from"], "2026-01-01");
  EXPECT_EQ(body["to"], "2026-01-31");
  EXPECT_EQ(body["ongoing"], true);
  EXPECT_EQ(body["total"]["total_microusd"], 45'300);
  EXPECT_EQ(body["groups"][0]["key"], "speech");
  EXPECT_EQ(body["before"]["total_microusd"], 0);
  EXPECT_EQ(get("/api/v1/report", {{"team", "vision"}}).body["total"]["total_microusd"], 20'500);
}

TEST_F(CostAnswersTest, OfAReportTheFirstGroupsAreListed) {
  books_.rows = {row(2, "vision", 20'500), row(3, "speech", 24'800), row(3, "audio", 10)};
  const auto body = get("/api/v1/report", {{"by", "team"}, {"limit", "2"}}).body;
  ASSERT_EQ(body["groups"].size(), 2u);
  EXPECT_EQ(body["groups"][1]["key"], "vision");
  EXPECT_EQ(body["groups_left_out"], 1);
  EXPECT_EQ(body["total"]["total_microusd"], 45'310) << "of all";
  EXPECT_FALSE(get("/api/v1/report", {{"by", "team"}}).body.contains("groups_left_out"));
  EXPECT_EQ(get("/api/v1/report", {{"limit", "0"}}).status, 400);
  EXPECT_EQ(get("/api/v1/report", {{"by", "workload"}}).body["groups"][0]["key"], "training");
}

TEST_F(CostAnswersTest, AnAnalysisIsItsReports) {
  books_.rows = {row(2, "vision", 20'500), row(3, "speech", 24'800)};
  books_.records = {run("a", "succeeded", 246s), run("b", "failed", 10s)};
  books_.records[0].spent.total_microusd = 20'500;
  const auto body = get("/api/v1/analysis", {{"limit", "1"}}).body["reports"];
  for (const auto* by : {"model", "workload", "day"}) {
    auto alone = get("/api/v1/report", {{"by", by}}).body;
    EXPECT_EQ(body[by], alone) << by;
  }
  EXPECT_EQ(body["run"], get("/api/v1/report", {{"by", "run"}, {"limit", "1"}}).body);
  EXPECT_EQ(get("/api/v1/analysis", {{"month", "2026-13"}}).status, 400);
}

TEST_F(CostAnswersTest, RunsTheLatestOrTheDearestFirst) {
  books_.records = {run("late", "succeeded", 10s), run("dear", "succeeded", 246s)};
  books_.records[0].spent.total_microusd = 5;
  books_.records[1].spent.total_microusd = 20'500;
  auto body = get("/api/v1/runs", {{"limit", "1"}}).body;
  ASSERT_EQ(body["runs"].size(), 1u);
  EXPECT_EQ(body["runs"][0]["job_id"], "late");
  EXPECT_EQ(body["runs"][0]["total_microusd"], 5);
  EXPECT_EQ(body["all"], false);
  body = get("/api/v1/runs", {{"order", "cost"}}).body;
  EXPECT_EQ(body["runs"][0]["job_id"], "dear");
  EXPECT_EQ(body["all"], true);
  EXPECT_EQ(get("/api/v1/runs", {{"order", "age"}}).status, 400);
  const auto days_ago = [this](int days) {
    return to_rfc3339(clock_.now() - std::chrono::days(days)).substr(0, 10);
  };
  EXPECT_EQ(get("/api/v1/runs", {{"from", days_ago(90)}}).body["all"], true);
  EXPECT_EQ(get("/api/v1/runs", {{"from", days_ago(91)}}).body["all"], false)
      << "runs of that day are forgotten";
}

TEST_F(CostAnswersTest, WhatARunHasCostComesWithWhatItReported) {
  books_.records = {run("a", "succeeded", 246s)};
  books_.records[0].metrics = {{"accuracy", 0.9}};
  const auto body = get("/api/v1/costs", {{"job", "a"}}).body;
  EXPECT_EQ(body["run"]["metrics"]["accuracy"], 0.9);
  EXPECT_EQ(body["run"]["run_seconds"], 246.0);
}

TEST_F(CostAnswersTest, AReportAsAFile) {
  books_.rows = {row(2, "vision", 20'500)};
  EXPECT_THAT(get("/api/v1/report", {{"format", "csv"}}).text,
              StartsWith("row,model,from,to,total_microusd,"));
  EXPECT_THAT(get("/api/v1/report", {{"format", "focus"}}).text,
              AllOf(StartsWith("BilledCost,"), HasSubstr("\r\n0.020500,")));
}

TEST_F(CostAnswersTest, IdleGpusAreInAReportOfEverythingAndNobodysInOneOfATeam) {
  const std::int64_t hour = std::int64_t{1'000'000} * 3'600'000;
  const sys_days second(std::chrono::year{2026} / 1 / 2);
  books_.idle_rows[{second, "n1", "T4", 150'000, 1'000'000}] = {4 * hour, hour, 0};
  books_.idle_rows[{second - std::chrono::days(9), "n1", "T4", 150'000, 1'000'000}] = {hour, 0, 0};
  const auto idle = get("/api/v1/report").body["idle"];
  EXPECT_EQ(idle["idle_microusd"], 450'000) << "of this month";
  EXPECT_EQ(idle["nodes"][0]["node"], "n1");
  EXPECT_FALSE(get("/api/v1/report", {{"team", "vision"}}).body.contains("idle"));
  EXPECT_THAT(get("/api/v1/report", {{"format", "csv"}}).text, HasSubstr("\r\nidle,T4,"));
  EXPECT_THAT(get("/api/v1/report", {{"format", "focus"}}).text, HasSubstr(",Idle GPU\r\n"));
  EXPECT_THAT(get("/api/v1/report", {{"format", "focus"}, {"team", "vision"}}).text,
              Not(HasSubstr("Idle GPU")));
}

TEST_F(CostAnswersTest, NothingInTheDaysIsAnAnswer) {
  const auto answer = get("/api/v1/report", {{"month", "2025-12"}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.body["groups"].empty());
}

TEST_F(CostAnswersTest, WhatIsNotKeptIsSaid) {
  // Runs for 90 days, days for 400.
  const auto half_a_year_ago = get("/api/v1/report", {{"month", "2025-06"}}).body;
  EXPECT_FALSE(half_a_year_ago["total"].contains("runs"));
  EXPECT_FALSE(half_a_year_ago.contains("kept_from"));
  EXPECT_TRUE(half_a_year_ago.contains("before"));
  const auto long_ago = get("/api/v1/report", {{"quarter", "2024-Q4"}}).body;
  EXPECT_EQ(long_ago["kept_from"], "2024-11-30");
  EXPECT_FALSE(long_ago.contains("before"));
}

TEST_F(CostAnswersTest, WhatHasNoPlaceToSaySoBeginsWithWhatIsKept) {
  for (const auto* format : {"csv", "focus"}) {
    EXPECT_EQ(
        get("/api/v1/report", {{"from", "2024-11-30"}, {"to", "2024-12-31"}, {"format", format}})
            .status,
        200);
    const auto early =
        get("/api/v1/report", {{"from", "2024-11-29"}, {"to", "2024-12-31"}, {"format", format}});
    EXPECT_EQ(early.status, 400);
    EXPECT_THAT(early.body["error"]["message"],
                AllOf(HasSubstr("2024-11-29"), HasSubstr("2024-11-30")));
  }
  EXPECT_EQ(get("/api/v1/costs", {{"from", "2024-11-30"}, {"to", "2024-12-01"}}).status, 200);
  EXPECT_EQ(get("/api/v1/costs", {{"from", "2024-11-29"}, {"to", "2024-12-01"}}).status, 400);
}

TEST_F(CostAnswersTest, FaultsOfAReportAreNamed) {
  const auto month = get("/api/v1/report", {{"month", "2026-13"}});
  EXPECT_EQ(month.status, 400);
  EXPECT_THAT(month.body["error"]["message"], HasSubstr("2026-13"));
  EXPECT_EQ(get("/api/v1/report", {{"from", "2026-01-03"}, {"to", "2026-01-02"}}).status, 400);
  EXPECT_THAT(get("/api/v1/report", {{"by", "colour"}}).body["error"]["message"],
              HasSubstr("gpu-type"));
  EXPECT_THAT(get("/api/v1/report", {{"frmo", "x"}}).body["error"]["message"], HasSubstr("frmo"));
  books_.away = Error{ErrorKind::unavailable, "Redis is away"};
  EXPECT_EQ(get("/api/v1/report").status, 503);
}

TEST_F(CostAnswersTest, DaysAndOneJob) {
  books_.rows = {row(2, "vision", 20'500), row(3, "speech", 24'800)};
  auto one = run("a", "succeeded", 246s);
  one.spent.total_microusd = 20'500;
  books_.records = {one};
  const auto days = get("/api/v1/costs", {{"from", "2026-01-03"}}).body;
  ASSERT_EQ(days["days"].size(), 1U);
  EXPECT_EQ(days["days"][0]["team"], "speech");
  EXPECT_EQ(get("/api/v1/costs", {{"job", "a"}}).body["total_microusd"], 20'500);
  const auto nobody = get("/api/v1/costs", {{"job", "nobody"}});
  EXPECT_EQ(nobody.status, 404);
  EXPECT_THAT(nobody.body["error"]["message"], HasSubstr("nobody"));
}

TEST_F(CostAnswersTest, AttemptsThatAreChargedToTheirEnd) {
  books_.costs = {{{"a", 2}, {20'500}}, {{":outside", 0}, {7}}};
  const auto some = get("/api/v1/costs", {{"attempts", "a/1,outside,nobody,a/2"}});
  EXPECT_EQ(some.status, 200);
  EXPECT_EQ(some.body,
            json::parse(R"({"attempts": [{"run_id": "outside", "attempt": 0, "total_microusd": 7},
                                         {"job_id": "a", "attempt": 2, "total_microusd": 20500}]})"));
  for (const auto* const wrong : {"a/0", "a/x", "a/1,", "A/1", "a/1/2", "a/99999999999"}) {
    const auto fault = get("/api/v1/costs", {{"attempts", wrong}});
    EXPECT_EQ(fault.status, 400) << wrong;
    EXPECT_EQ(fault.body["error"]["field"], "attempts");
  }
  std::string many = "r";
  for (int i = 0; i < 100; ++i) many += ",r";
  EXPECT_EQ(get("/api/v1/costs", {{"attempts", many}}).status, 400);
  EXPECT_EQ(get("/api/v1/costs", {{"attempts", many.substr(2)}}).status, 200);
}

TEST_F(CostAnswersTest, AForecastByNameAtTheRatesInForce) {
  // Begun 100 s ago, an epoch of 100 s is done, one is to come: by its pace. Charged are 90 s. At 0.72 + 0 an hour a second costs
  // 200 micro-dollars: 18,000 + 110 s x 200 = 40,000.
  queue_.policies = {{"scheduling_policies", json::object()},
                     {"cost_model", {{"gpu_hourly_usd", "0.72"}, {"cpu_core_hourly_usd", "0"}}},
                     {"effective_from", "2026-01-03T18:14:00Z"}};
  auto one = run("a", "running", 100s);
  one.epochs_done = 1;
  one.epoch_seconds = {100};
  one.charged_until = *one.started_at + 90s;
  one.spent.total_microusd = 18'000;
  books_.records = {one};
  auto job = record("a", JobState::running);
  job.started_at = one.started_at;
  queue_.alive = {job};
  const auto body = get("/api/v1/forecast/nightly").body;
  EXPECT_EQ(body["basis"], "pace");
  EXPECT_EQ(body["total_microusd"]["expected"], 40'000);
  EXPECT_EQ(body["end"]["expected"], "2026-01-03T18:16:40.000Z");
}

TEST_F(CostAnswersTest, AForecastOfAJobThatWaits) {
  queue_.waiting = {record("a", JobState::queued)};
  const auto [status, body, text] = get("/api/v1/forecast/a");
  EXPECT_EQ(status, 200);
  EXPECT_EQ(body["begun"], false);
  EXPECT_EQ(body["basis"], "catalogue");
  EXPECT_EQ(get("/api/v1/forecast/nobody").status, 404);
  EXPECT_EQ(get("/api/v1/forecast/a strange/name").status, 404);
}

TEST_F(CostAnswersTest, AForecastOfThisMonth) {
  // 18:15 on the 3rd. A dollar on each of 1 and 2 January, 0.76 today; the run at work has cost 18,000 and will cost another
  // 22,000 (as above). 28.2396 days are to come, as there are no cheap hours. The last 24 hours: 0.76 + 0.2396 x 1 = 0.9996. By
  // days 28.2396 x (1 + 1 + 0.9996) / 3 = 28.2357; by runs 0.04.
  queue_.policies = {
      {"scheduling_policies", json::object()},
      {"cost_model",
       {{"gpu_hourly_usd", "0.72"}, {"cpu_core_hourly_usd", "0"}, {"off_peak_multiplier", "1"}}},
      {"effective_from", "2026-01-03T18:14:00Z"}};
  auto one = run("a", "running", 100s);
  one.epochs_done = 1;
  one.epoch_seconds = {100};
  one.charged_until = *one.started_at + 90s;
  one.spent.total_microusd = 18'000;
  books_.records = {one};
  auto job = record("a", JobState::running);
  job.started_at = one.started_at;
  queue_.alive = {job};
  books_.rows = {row(1, "vision", 1'000'000), row(2, "vision", 1'000'000),
                 row(3, "vision", 760'000)};
  const auto [status, body, text] = get("/api/v1/forecast", {{"period", "month"}});
  ASSERT_EQ(status, 200) << text;
  EXPECT_EQ(body["to"], "2026-01-31");
  EXPECT_EQ(body["spent_microusd"], 2'760'000);
  EXPECT_EQ(body["runs_at_work"], 1);
  EXPECT_EQ(body["runs_begun_microusd"], 18'000);
  EXPECT_EQ(body["runs_left_microusd"], 22'000);
  EXPECT_NEAR(body["total_microusd"]["expected"], 2'760'000 + (28'235'700 + 40'000) / 2, 100);
  EXPECT_FALSE(body["total_microusd"].contains("high"));
  EXPECT_EQ(get("/api/v1/forecast", {{"team", "speech"}}).body["total_microusd"]["expected"], 0);
  EXPECT_EQ(get("/api/v1/forecast", {{"period", "year"}}).status, 400);
  queue_.alive.clear();
  EXPECT_EQ(get("/api/v1/forecast").body["runs_at_work"], 0) << "it is over since";
  books_.away = Error{ErrorKind::unavailable, "Redis is away"};
  EXPECT_EQ(get("/api/v1/forecast").status, 503);
}

TEST_F(CostAnswersTest, TheQueueKnowsTheEndBeforeTheBooks) {
  const auto basis = [&] { return get("/api/v1/forecast/a").body["basis"]; };
  queue_.over = {record("a", JobState::succeeded)};
  EXPECT_EQ(basis(), "ended") << "it never started";
  queue_.over[0].started_at = clock_.time - 100s;
  EXPECT_EQ(basis(), "charging");
  books_.records = {run("a", "running", 100s)};
  books_.records[0].spent.total_microusd = 7;
  EXPECT_EQ(basis(), "charging");
  books_.records[0].state = "succeeded";
  EXPECT_EQ(basis(), "ended");
}

TEST_F(CostAnswersTest, AnIdIsNotTakenForAName) {
  auto other = run("other", "succeeded", 100s);
  other.name = "a";
  books_.records = {other};
  EXPECT_EQ(get("/api/v1/forecast/a").body["job_id"], "other");
  EXPECT_EQ(get("/api/v1/costs", {{"job", "a"}}).body["job_id"], "other");
  queue_.waiting = {record("a", JobState::queued)};
  EXPECT_EQ(get("/api/v1/forecast/a").body["job_id"], "a");
  EXPECT_EQ(get("/api/v1/costs", {{"job", "a"}}).status, 404);
}

TEST_F(CostAnswersTest, AComparison) {
  queue_.policies = {{"scheduling_policies",
                      {{"model_catalog", R"({"mnist":{"image":"i","seconds_per_epoch":123}})"}}},
                     {"cost_model", {{"memory_gb_hourly_usd", "0"}}},
                     {"effective_from", "2026-01-01T00:00:00Z"}};
  const json jobs = json::parse(R"([
      {"job_id":"c1","model_type":"mnist","epochs":2,"batch_size":64,"resources":{"gpus":1,"cpu":"1","memory":"1Mi"}},
      {"job_id":"c2","model_type":"mnist","epochs":2,"batch_size":128,"resources":{"gpus":1,"cpu":"1","memory":"1Mi"}}])");
  const auto [status, body, text] = compare(jobs);
  ASSERT_EQ(status, 200) << text;
  EXPECT_NEAR(body["configurations"][0]["cost_microusd"]["expected"], 20'500, 1);
  EXPECT_NEAR(body["configurations"][1]["cost_microusd"]["expected"], 10'250, 1);
  EXPECT_EQ(body["cheapest"], "c2");
  auto past = run("a", "succeeded", 246s);
  past.workload_type = "training";
  books_.records = {past};
  EXPECT_EQ(compare(jobs).body["configurations"][0]["basis"], "history");
}

TEST_F(CostAnswersTest, FaultsOfAComparisonAreNamed) {
  EXPECT_EQ(compare(json::array()).status, 400);
  EXPECT_THAT(compare(json::parse(R"([{"job_id":"a","model_type":"x","image":"i"}])"))
                  .body["error"]["message"],
              HasSubstr("expected 2 to 100"));
  const auto unknown = compare(json::parse(
      R"([{"job_id":"a","model_type":"x","image":"i"},{"job_id":"b","model_type":"x"}])"));
  EXPECT_EQ(unknown.status, 400);
  EXPECT_EQ(unknown.body["error"]["errors"][0]["index"], 1);
  EXPECT_EQ(api_.handle({"POST", compare_path, {}, "no JSON"}).answer.status, 400);
}

TEST_F(CostAnswersTest, RecommendationsAtTheRatesInForce) {
  // 246 s at 18:10 cost $0.0205. On spot at half the price: half of it, $0.01025.
  queue_.policies = {{"scheduling_policies", json::object()},
                     {"cost_model", {{"spot_multiplier", "0.5"}}},
                     {"effective_from", "2026-01-01T00:00:00Z"}};
  auto one = run("a", "succeeded", 246s);
  one.workload_type = "training";
  one.spent.gpu_microusd = one.spent.total_microusd = 20'500;
  books_.records = {one};
  const auto [status, body, text] = get("/api/v1/recommendations", {{"run", "nightly"}});
  ASSERT_EQ(status, 200) << text;
  EXPECT_EQ(body["job_id"], "a");
  EXPECT_EQ(body["ended"], true);
  EXPECT_EQ(body["total_microusd"], 20'500);
  const auto& all = body["recommendations"];
  const auto spot = std::find_if(all.begin(), all.end(), [](const json& recommendation) {
    return recommendation["strategy"] == "spot";
  });
  ASSERT_NE(spot, all.end()) << all;
  EXPECT_EQ((*spot)["recommendation_id"], "rec-a-spot");
  EXPECT_TRUE((*spot)["savings_microusd"]["high"].is_number_integer());
  EXPECT_EQ((*spot)["savings_microusd"]["high"], 10'250);
  EXPECT_THAT((*spot)["action"]["command"].get<std::string>(), HasSubstr("oppen submit"));
}

TEST_F(CostAnswersTest, RecommendationsLearnFromPastRuns) {
  auto one = run("a", "succeeded", 200s);
  one.workload_type = "training";
  one.spent.gpu_microusd = one.spent.total_microusd = 20'000;
  books_.records = {one};
  for (const auto* id : {"b", "c", "d"}) {
    auto other = run(id, "succeeded", 100s);
    other.name = "other";
    other.workload_type = "training";
    other.batch_size = 256;
    books_.records.push_back(other);
  }
  const auto body = get("/api/v1/recommendations", {{"run", "a"}}).body;
  const auto batch = std::find_if(
      body["recommendations"].begin(), body["recommendations"].end(),
      [](const json& recommendation) { return recommendation["strategy"] == "batch_size"; });
  ASSERT_NE(batch, body["recommendations"].end()) << body;
  EXPECT_EQ((*batch)["action"]["changes"]["batch_size"], 256);
  EXPECT_EQ((*batch)["savings_microusd"]["low"], 10'000);
}

TEST_F(CostAnswersTest, RecommendationsKnowEachEpochAndWhatWasFollowed) {
  auto one = run("a", "succeeded", 200s);
  one.workload_type = "training";
  one.epochs = one.epochs_done = 6;
  one.spent.gpu_microusd = one.spent.total_microusd = 20'000;
  books_.records = {one};
  books_.accuracies_of["a"] = {0.5, 0.9, 0.9, 0.9, 0.9, 0.9};
  books_.followed["early_stopping"] = {1, 1, 30};
  const auto body = get("/api/v1/recommendations", {{"run", "a"}}).body;
  const auto stop = std::find_if(
      body["recommendations"].begin(), body["recommendations"].end(),
      [](const json& recommendation) { return recommendation["strategy"] == "early_stopping"; });
  ASSERT_NE(stop, body["recommendations"].end()) << body;
  EXPECT_EQ((*stop)["evidence"]["plateau_epoch"], 2);
  EXPECT_EQ((*stop)["action"]["changes"]["epochs"], 4);
  EXPECT_EQ((*stop)["evidence"]["kept"], 1);
}

TEST_F(CostAnswersTest, NothingIsRecommendedBeforeTheEndOrOfAFailure) {
  books_.records = {run("a", "running", 100s), run("b", "failed", 100s)};
  books_.records[1].spent.total_microusd = 8'000;
  queue_.waiting = {record("w", JobState::queued)};
  const auto running = get("/api/v1/recommendations", {{"run", "a"}});
  EXPECT_EQ(running.status, 200);
  EXPECT_EQ(running.body["ended"], false);
  EXPECT_TRUE(running.body["recommendations"].empty());
  const auto failed = get("/api/v1/recommendations", {{"run", "b"}}).body;
  EXPECT_EQ(failed["ended"], true);
  EXPECT_TRUE(failed["recommendations"].empty());
  const auto waits = get("/api/v1/recommendations", {{"run", "w"}}).body;
  EXPECT_EQ(waits["ended"], false);
  EXPECT_EQ(waits["state"], "queued");
}

TEST_F(CostAnswersTest, FaultsOfRecommendationsAreNamed) {
  EXPECT_THAT(get("/api/v1/recommendations").body["error"]["message"], HasSubstr("run"));
  EXPECT_EQ(get("/api/v1/recommendations").status, 400);
  const auto nobody = get("/api/v1/recommendations", {{"run", "nobody"}});
  EXPECT_EQ(nobody.status, 404);
  EXPECT_THAT(nobody.body["error"]["message"], HasSubstr("nobody"));
  books_.away = Error{ErrorKind::unavailable, "Redis is away"};
  EXPECT_EQ(get("/api/v1/recommendations", {{"run", "a"}}).status, 503);
}

TEST_F(CostAnswersTest, ATowerOfBracketsIsRefused) {
  constexpr std::size_t levels = 300'000;
  const auto tower = std::string(levels, '[') + std::string(levels, ']');
  for (const auto& body : {tower, R"({"batch_id":"a","jobs":)" + tower + "}"}) {
    const auto answer = answered(api_.handle({"POST", compare_path, {}, body}));
    EXPECT_EQ(answer.status, 400);
    EXPECT_THAT(answer.body["error"]["message"], HasSubstr("32 levels"));
  }
}

}  // namespace
}  // namespace oppen::console
