// Proves that each tool is declared whole, and what the tools of the queue, the costs and the runs ask, send and tell.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "producers/agent/schema_check.hpp"
#include "producers/agent/tool.hpp"
#include "schemas/job_events.hpp"
#include "tests/unit/agent/fake_backend.hpp"

namespace oppen::agent {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

class Tools : public ::testing::Test {
 protected:
  Outcome run(const char* name, const json& arguments) {
    const Tool* const tool = find_tool(name);
    if (tool == nullptr) return tl::unexpected(Failure(ErrorKind::fatal, "no such tool"));
    auto outcome = call(*tool, backend_, arguments);
    if (outcome) {
      for (const auto& fault : check_schema(tool->output, outcome->data))
        ADD_FAILURE() << name << ": " << fault.sentence();
    }
    return outcome;
  }

  FakeBackend backend_;
};

TEST_F(Tools, AreDeclaredWhole) {
  std::set<std::string> names;
  for (const Tool& tool : all_tools()) {
    EXPECT_TRUE(names.insert(tool.name).second) << tool.name;
    EXPECT_FALSE(tool.title.empty() || tool.description.empty()) << tool.name;
    EXPECT_EQ(tool.input["additionalProperties"], false) << tool.name;
    for (const json& required : tool.input.value("required", json::array()))
      EXPECT_TRUE(tool.input["properties"].contains(required)) << tool.name;
    for (const json& required : tool.output.value("required", json::array()))
      EXPECT_TRUE(tool.output["properties"].contains(required)) << tool.name;
    EXPECT_EQ(check_schema(tool.input, tool.example).size(), 0u) << tool.name;
    for (const auto& [name, property] : tool.input["properties"].items()) {
      if (!property.contains("default")) continue;
      EXPECT_EQ(check_schema(property, property["default"]).size(), 0u) << tool.name << "." << name;
    }
  }
  for (const char* const name : {"queue_training_job",
                                 "get_queue_status",
                                 "submit_batch_training_jobs",
                                 "cancel_queued_job",
                                 "list_queued_jobs",
                                 "get_training_dashboard",
                                 "recommend_cost_optimization",
                                 "forecast_training_cost",
                                 "check_training_budget",
                                 "get_training_cost_report",
                                 "compare_training_configs",
                                 "trigger_training_job",
                                 "get_training_status",
                                 "list_training_runs",
                                 "get_training_metrics",
                                 "compare_training_runs",
                                 "analyze_costs",
                                 "propose_optimizations",
                                 "simulate_optimization",
                                 "apply_optimization"})
    EXPECT_TRUE(names.contains(name)) << name;
}

TEST_F(Tools, NoToolTakesWhatRunsInAContainer) {
  for (const char* const field : {"image", "command", "args", "env", "secrets"}) {
    for (const char* const tool : {"queue_training_job", "trigger_training_job"}) {
      const auto outcome = run(tool, {{"model_type", "mnist"}, {field, "x"}});
      ASSERT_FALSE(outcome) << tool << " " << field;
      EXPECT_EQ(outcome.error().kind, ErrorKind::invalid);
    }
  }
  EXPECT_EQ(backend_.commands(), 0u);
}

TEST_F(Tools, AJobIsQueued) {
  const auto outcome =
      run("queue_training_job", {{"model_type", "mnist"}, {"priority", "urgent"}, {"epochs", 2}});
  ASSERT_TRUE(outcome);
  ASSERT_EQ(backend_.submitted.size(), 1u);
  const JobSpec& spec = backend_.submitted[0];
  EXPECT_EQ(spec.epochs, 2);
  EXPECT_EQ(outcome->data["job_id"], spec.job_id);
  EXPECT_EQ(outcome->data["position"], 1);
  EXPECT_EQ(outcome->data["estimated_cost_microusd"], 20500);
  EXPECT_EQ(outcome->data["queue"], json({{"queued", 2}, {"running", 1}, {"slots", 3}}));
  EXPECT_THAT(outcome->text, AllOf(HasSubstr("queued at position 1"), HasSubstr("$0.0205"),
                                   HasSubstr("1 of 3 slots")));
  // What the schema can't say, the job's own check does.
  const auto wrong =
      run("queue_training_job", {{"model_type", "mnist"}, {"job_id", "Not A Label"}});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().fields.at(0).path, "job_id");
  EXPECT_EQ(backend_.submitted.size(), 1u);
}

TEST_F(Tools, NoJobBearsTheIdOfAProposal) {
  for (const char* const tool : {"queue_training_job", "trigger_training_job"}) {
    const auto outcome =
        run(tool, {{"model_type", "mnist"}, {"job_id", "opt-llm-7-0123456789abcdef"}});
    ASSERT_FALSE(outcome) << tool;
    EXPECT_EQ(outcome.error().kind, ErrorKind::invalid);
    EXPECT_EQ(outcome.error().fields.at(0).path, "job_id");
  }
  const json jobs = {{{"model_type", "mnist"}}, {{"model_type", "mnist"}, {"job_id", "opt-a"}}};
  const auto outcome = run("submit_batch_training_jobs", {{"jobs", jobs}});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().fields.at(0).path, "jobs[1].job_id");
  EXPECT_EQ(
      run("submit_batch_training_jobs", {{"jobs", {jobs[0]}}, {"batch_id", "opt-a"}}).error().kind,
      ErrorKind::invalid);
  EXPECT_EQ(backend_.commands(), 0u);
}

TEST_F(Tools, ATriggeredJobIsWaitedFor) {
  auto outcome = run("trigger_training_job", {{"model_type", "mnist"}});
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->data["event"], "job.started");
  EXPECT_EQ(outcome->data["node"], "n1");
  EXPECT_EQ(outcome->data["position"], 1);
  backend_.start_event = "";
  outcome = run("trigger_training_job", {{"model_type", "mnist"}, {"wait_seconds", 5}});
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->data["event"], "job.queued");
  EXPECT_THAT(outcome->text, HasSubstr("not started by now and goes on waiting"));
}

TEST_F(Tools, ABatchIsPricedAndQueued) {
  backend_.answers["simulate"] = {{"jobs", json::array()}, {"estimated_cost_microusd", 41800}};
  const json jobs = {{{"model_type", "mnist"}}, {{"model_type", "llm"}, {"priority", "urgent"}}};
  const auto outcome = run("submit_batch_training_jobs",
                           {{"jobs", jobs}, {"batch_id", "sweep"}, {"max_total_usd", 0.05}});
  ASSERT_TRUE(outcome);
  ASSERT_EQ(backend_.batches.size(), 1u);
  EXPECT_EQ(backend_.batches[0].max_total->value, 50'000);
  EXPECT_EQ(outcome->data["jobs_submitted"], 2);
  EXPECT_EQ(outcome->data["first_job_id"], "sweep-1");
  EXPECT_EQ(outcome->data["last_position"], 2);
  EXPECT_THAT(outcome->text, AllOf(HasSubstr("Jobs submitted: 2"), HasSubstr("$0.0418")));

  backend_.answers["simulate"] =
      json::parse(R"({"error": {"code": "refused", "message": "it would be refused",
    "errors": [{"index": 1, "field": "resources.gpus", "reason": "never fits"}]}})");
  const auto refused = run("submit_batch_training_jobs", {{"jobs", jobs}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::refused);
  EXPECT_THAT(refused.error().message, HasSubstr("jobs[1].resources.gpus: never fits"));
  const auto wrong =
      run("submit_batch_training_jobs", {{"jobs", {{{"model_type", "mnist"}}, {{"epochs", 0}}}}});
  ASSERT_FALSE(wrong);
  ASSERT_EQ(wrong.error().fields.size(), 2u);
  EXPECT_EQ(wrong.error().fields[0].path, "jobs[1].epochs");
  EXPECT_EQ(wrong.error().fields[1].path, "jobs[1].model_type");
  EXPECT_EQ(backend_.batches.size(), 1u);
}

TEST_F(Tools, ABatchCanBeSubmittedAgain) {
  const auto refusal = [](const char* reason) {
    return json{{"error",
                 {{"code", "refused"},
                  {"message", "it would be refused"},
                  {"errors",
                   {{{"index", 0},
                     {"field", "job_id"},
                     {"reason", "job_id is \"sweep-1\": a job of this id exists already"}},
                    {{"index", 1}, {"field", "job_id"}, {"reason", reason}}}}}}};
  };
  backend_.answers["simulate"] = refusal("job_id is \"sweep-2\": a job of this id exists already");
  backend_.batch_answer.type = BatchDuplicate::type;
  backend_.batch_answer.data = {{"batch_id", "sweep"}, {"first_seen", "2026-01-08T12:00:00.000Z"}};
  const json arguments = {{"jobs", {{{"model_type", "mnist"}}, {{"model_type", "mnist"}}}},
                          {"batch_id", "sweep"}};
  const auto again = run("submit_batch_training_jobs", arguments);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->data["event"], "batch.duplicate");
  EXPECT_EQ(again->data["jobs_submitted"], 0);
  EXPECT_FALSE(again->data.contains("estimated_cost_microusd"));
  EXPECT_THAT(again->text, HasSubstr("known already"));
  backend_.batch_answer.data["conflict"] = true;
  EXPECT_EQ(run("submit_batch_training_jobs", arguments).error().kind, ErrorKind::conflict);
  backend_.answers["simulate"] = refusal("something else");
  EXPECT_EQ(run("submit_batch_training_jobs", arguments).error().kind, ErrorKind::refused);
  EXPECT_EQ(backend_.batches.size(), 2u);
}

TEST_F(Tools, OnlyWhatWaitsIsCancelled) {
  backend_.answers["jobs/a"] = {{"job_id", "a"}, {"state", "running"}};
  const auto running = run("cancel_queued_job", {{"job_id", "a"}});
  ASSERT_FALSE(running);
  EXPECT_EQ(running.error().kind, ErrorKind::refused);
  EXPECT_EQ(run("cancel_queued_job", {{"job_id", "b"}}).error().kind, ErrorKind::not_found);
  EXPECT_EQ(backend_.commands(), 0u);
  backend_.answers["jobs/a"]["state"] = "queued";
  const auto cancelled = run("cancel_queued_job", {{"job_id", "a"}, {"reason", "why not"}});
  ASSERT_TRUE(cancelled);
  EXPECT_EQ(backend_.cancelled.at(0).reason, "why not");
  EXPECT_EQ(cancelled->data["pending_cost_microusd"], 31400);
  backend_.cancel_event = JobCancelRefused::type;
  EXPECT_EQ(run("cancel_queued_job", {{"job_id", "a"}}).error().kind, ErrorKind::refused);
}

TEST_F(Tools, TheBudgetOfTheCallerCountsLikeTheOthers) {
  backend_.answers["simulate"] = json::parse(
      R"({"jobs": [{"job_id": "x", "estimated_cost_microusd": 20500}], "estimated_cost_microusd": 20500})");
  const json job = {{"model_type", "mnist"}, {"epochs", 2}, {"batch_size", 64}};
  json arguments = job;
  arguments["budget_usd"] = 0.05;
  const auto fits = run("check_training_budget", arguments);
  ASSERT_TRUE(fits);
  EXPECT_EQ(fits->data["feasible"], true);
  EXPECT_DOUBLE_EQ(fits->data["utilization_percent"].get<double>(), 41.0);
  EXPECT_THAT(fits->text, AllOf(HasSubstr("Utilization: 41.0 %"), HasSubstr("Status: FEASIBLE")));
  EXPECT_FALSE(fits->data.contains("alternatives"));
  arguments["budget_usd"] = 0.02;
  const auto exceeds = run("check_training_budget", arguments);
  ASSERT_TRUE(exceeds) << "no is an answer";
  EXPECT_EQ(exceeds->data["feasible"], false);
  EXPECT_EQ(exceeds->data["alternatives"].size(), 3u);
  EXPECT_THAT(exceeds->text, HasSubstr("exceeds the budget by $0.0005"));
  const auto unlimited = run("check_training_budget", job);
  ASSERT_TRUE(unlimited);
  EXPECT_EQ(unlimited->data["budgets"].size(), 0u);
  EXPECT_EQ(backend_.commands(), 0u);
}

TEST_F(Tools, SeveralJobsAlikeAreCheckedTogether) {
  backend_.answers["simulate"] = json::parse(R"({"estimated_cost_microusd": 30, "jobs": [
    {"estimated_cost_microusd": 10, "start_p50": "2026-01-08T12:00:00.000Z", "end_p50": "2026-01-08T13:00:00.000Z"},
    {"estimated_cost_microusd": 10, "start_p50": "2026-01-08T12:00:00.000Z", "end_p50": "2026-01-08T13:00:00.000Z"},
    {"estimated_cost_microusd": 10, "start_p50": "2026-01-08T13:00:00.000Z", "end_p50": "2026-01-08T14:00:00.000Z"}]})");
  const auto outcome = run("check_training_budget", {{"model_type", "llm"}, {"runs", 3}});
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->data["estimated_cost_microusd"], 30);
  EXPECT_EQ(outcome->data["plan"]["at_once"], 2);
  EXPECT_EQ(outcome->data["plan"]["last_end"], "2026-01-08T14:00:00.000Z");
  EXPECT_THAT(outcome->text, HasSubstr("may be one too low"));
  EXPECT_EQ(backend_.posted.size(), 1u) << "what it costs and when it ends is one question";
  EXPECT_EQ(json::parse(backend_.posted.at(0))["jobs"].size(), 3u);
}

TEST_F(Tools, RemainingEpochsArePricedAtTheForecastsPace) {
  backend_.answers["forecast/mnist-7"] =
      json::parse(R"({"job_id": "mnist-7", "state": "running", "model_type": "mnist", "as_of": "",
    "basis": "progress", "begun": true, "epochs": 10, "epochs_done": 4, "spent_microusd": 4000,
    "total_microusd": {"low": 8800, "expected": 10000, "high": 11200}, "interval_percent": 95,
    "left_seconds": {"low": 480, "expected": 600, "high": 720}})");
  auto outcome = run("forecast_training_cost", {{"job_name", "mnist-7"}, {"remaining_epochs", 3}});
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->data["remaining"]["cost_microusd"],
            json({{"low", 2400}, {"expected", 3000}, {"high", 3600}}));
  EXPECT_EQ(outcome->data["remaining"]["seconds"]["expected"], 300.0);
  EXPECT_THAT(outcome->text, HasSubstr("Of 3 more epochs: $0.0030 ($0.0024 to $0.0036), 5m 0s"));
  backend_.answers["forecast/mnist-7"] =
      json::parse(R"({"job_id": "mnist-7", "state": "succeeded", "model_type": "mnist", "as_of": "",
    "basis": "ended", "begun": true, "epochs": 10, "spent_microusd": 10000, "total_microusd": {"low": 10000, "expected": 10000, "high": 10000}})");
  outcome = run("forecast_training_cost", {{"job_name", "mnist-7"}, {"remaining_epochs", 5}});
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->data["remaining"]["cost_microusd"]["expected"], 5000);
}

TEST_F(Tools, EpochsOfAnEndedRunAreThoseItHasDone) {
  const auto ask = [this](const char* forecast) {
    backend_.answers["forecast/mnist-7"] = json::parse(forecast);
    return run("forecast_training_cost", {{"job_name", "mnist-7"}, {"remaining_epochs", 3}});
  };
  const auto failed_early = ask(
      R"({"job_id": "mnist-7", "state": "failed", "model_type": "mnist", "as_of": "", "basis": "ended", "begun": true, "epochs": 10,
      "epochs_done": 3, "spent_microusd": 9000, "total_microusd": {"low": 9000, "expected": 9000, "high": 9000}})");
  ASSERT_TRUE(failed_early);
  EXPECT_EQ(failed_early->data["remaining"]["cost_microusd"]["expected"], 9000);
  EXPECT_FALSE(failed_early->data["remaining"].contains("seconds"));
  for (
      const char* const unknown :
      {R"({"job_id": "mnist-7", "state": "succeeded", "model_type": "mnist", "as_of": "", "basis": "ended", "begun": true,
        "spent_microusd": 9000, "total_microusd": {"low": 9000, "expected": 9000, "high": 9000}})",
       R"({"job_id": "mnist-7", "state": "failed", "model_type": "mnist", "as_of": "", "basis": "ended", "begun": true, "epochs": 10,
        "spent_microusd": 9000, "total_microusd": {"low": 9000, "expected": 9000, "high": 9000}})",
       R"({"job_id": "mnist-7", "state": "running", "model_type": "mnist", "as_of": "", "basis": "history", "begun": true,
        "spent_microusd": 9000, "total_microusd": {"low": 9000, "expected": 10000, "high": 12000}, "interval_percent": 95,
        "left_seconds": {"low": 1, "expected": 2, "high": 3}})"}) {
    const auto outcome = ask(unknown);
    ASSERT_FALSE(outcome) << unknown;
    EXPECT_EQ(outcome.error().kind, ErrorKind::refused);
  }
}

TEST_F(Tools, OfAJobThatIsWrongEachFaultIsToldOnce) {
  const auto outcome = run("check_training_budget",
                           {{"model_type", "mnist"}, {"team", "Not A Label!"}, {"runs", 1000}});
  ASSERT_FALSE(outcome);
  ASSERT_EQ(outcome.error().fields.size(), 1u);
  EXPECT_EQ(outcome.error().fields[0].path, "team");
}

TEST_F(Tools, NothingOnTheBusSteersTheTerminal) {
  backend_.answers["jobs/a"] = {{"job_id", "a"},
                                {"state", "run\x1b[2J"},
                                {"model_type", "m\xc2\x9b"},
                                {"metrics", {{"loss\x07", 1}}}};
  backend_.answers["costs"] = {{"job_id", "a"}, {"total_microusd", 1}};
  const auto told = run("get_training_metrics", {{"run_id", "a"}});
  ASSERT_TRUE(told);
  EXPECT_THAT(told->text, HasSubstr("a (m?), run?[2J\n"));
  EXPECT_EQ(told->text.find_first_of("\x1b\x07\x9b"), std::string::npos);
  const auto refused = run("cancel_queued_job", {{"job_id", "a"}});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("run?[2J"));
}

TEST_F(Tools, AReportListsTheDearestAndTheTotal) {
  backend_.answers["report"] = json::parse(
      R"({"from": "2026-01-01", "to": "2026-01-31", "by": "run", "as_of": "", "ongoing": true,
    "groups": [{"key": "a", "total_microusd": 3000, "run": {"state": "succeeded", "model_type": "mnist", "run_seconds": 60}},
               {"key": "", "rest": true, "total_microusd": 500}], "groups_left_out": 1, "total": {"total_microusd": 5500, "runs": 2, "average_microusd": 2750}})");
  const auto outcome =
      run("get_training_cost_report", {{"start_date", "2026-01-01"}, {"limit", 1}});
  ASSERT_TRUE(outcome);
  EXPECT_EQ(backend_.asked.at(0), "report?by=run&from=2026-01-01&limit=1");
  EXPECT_THAT(outcome->text, AllOf(HasSubstr("$0.0055"), HasSubstr("1 more are in the total")));
}

TEST_F(Tools, ARunIsFoundByNameAndElsewhere) {
  backend_.answers["costs"] = {{"job_id", "mnist-7"},
                               {"run_id", ""},
                               {"name", "nightly"},
                               {"state", "succeeded"},
                               {"total_microusd", 20500}};
  backend_.answers["jobs/mnist-7"] = {{"job_id", "mnist-7"},
                                      {"state", "succeeded"},
                                      {"model_type", "mnist"},
                                      {"duration_seconds", 246.0},
                                      {"metrics", {{"accuracy", 0.987}}}};
  auto outcome = run("get_training_metrics", {{"run_id", "nightly"}});
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->data["id"], "mnist-7");
  EXPECT_EQ(outcome->data["metrics"]["accuracy"], 0.987);
  EXPECT_EQ(outcome->data["total_microusd"], 20500);
  // A run from outside is known to the books alone.
  backend_.answers["costs"] = {{"job_id", ""},
                               {"run_id", "f00"},
                               {"name", ""},
                               {"state", "succeeded"},
                               {"total_microusd", 7},
                               {"run", json::parse(R"({"run_id": "f00", "model_type": "llm",
                                 "state": "succeeded", "metrics": {"loss": 0.5}})")}};
  outcome = run("get_training_metrics", {{"run_id", "f00"}});
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->data["metrics"]["loss"], 0.5);
  EXPECT_EQ(outcome->data["id"], "f00");
  EXPECT_EQ(outcome->data["total_microusd"], 7);
  backend_.answers.erase("costs");
  EXPECT_EQ(run("get_training_metrics", {{"run_id", "gone"}}).error().kind, ErrorKind::not_found);
}

TEST_F(Tools, RunsAreComparedByNumbers) {
  for (const auto& [id, seconds, accuracy] :
       {std::tuple("a", 300.0, 0.9), std::tuple("b", 100.0, 0.95)}) {
    backend_.answers[std::string("jobs/") + id] = {{"job_id", id},
                                                   {"state", "succeeded"},
                                                   {"model_type", "mnist"},
                                                   {"duration_seconds", seconds},
                                                   {"metrics", {{"accuracy", accuracy}}}};
  }
  const auto outcome = run("compare_training_runs", {{"run_ids", {"a", "b"}}});
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->data["fastest"], "b");
  EXPECT_EQ(outcome->data["most_accurate"], "b");
  EXPECT_FALSE(outcome->data.contains("cheapest")) << "nothing is known of what they cost";
}

TEST_F(Tools, RunsAreListedTheLatestFirst) {
  backend_.answers["runs"] = json::parse(R"({"all": false, "runs": [
    {"job_id": "dear", "total_microusd": 9, "state": "failed", "started_at": "2026-01-07T00:00:00.000Z"},
    {"run_id": "late", "total_microusd": 1, "state": "succeeded", "started_at": "2026-01-08T00:00:00.000Z"},
    {"job_id": "early", "total_microusd": 2, "state": "succeeded", "started_at": "2026-01-06T00:00:00.000Z"}]})");
  const auto all = run("list_training_runs", {{"state", "succeeded"}, {"limit", 3}});
  ASSERT_TRUE(all);
  EXPECT_EQ(backend_.asked.at(0), "runs?from=2026-01-02&to=2026-01-08&state=succeeded&limit=3");
  EXPECT_EQ(all->data["runs"][0]["id"], "late") << "also one from outside";
  EXPECT_EQ(all->data["runs"][2]["id"], "early");
  EXPECT_EQ(all->data["all"], false);
  EXPECT_THAT(all->text, HasSubstr("and more"));
}

TEST_F(Tools, TheDashboardIsTheConsoles) {
  backend_.answers["dashboard"] = json::parse(R"({"generated_at": "2026-01-08T12:00:00.000Z",
    "health": {"ok": false, "parts": [{"name": "kafka", "ok": false, "detail": "no answer"}]},
    "costs": {"error": {"code": "unavailable", "message": "Redis is away"}}, "cluster": {}, "pods": {"total": 0, "pods": []}, "queue": {}})");
  backend_.answers["dashboard"]["queue"] = backend_.answers["queue"];
  const auto outcome = run("get_training_dashboard", {{"limit", 3}});
  ASSERT_TRUE(outcome);
  EXPECT_EQ(backend_.asked.back(), "dashboard?limit=3");
  EXPECT_EQ(outcome->data["queue"]["slots"], 3);
  EXPECT_THAT(outcome->text, AllOf(HasSubstr("no answer"), HasSubstr("Redis is away")));
}

}  // namespace
}  // namespace oppen::agent
