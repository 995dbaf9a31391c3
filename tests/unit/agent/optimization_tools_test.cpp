// Proves the loop: what is proposed and in which order, what a change is said to save, that it is only proposed, and what is told of it afterwards.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "producers/agent/optimizing.hpp"
#include "producers/agent/schema_check.hpp"
#include "producers/agent/tool.hpp"
#include "schemas/parse.hpp"
#include "tests/unit/agent/fake_backend.hpp"

namespace oppen::agent {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

json configuration(const char* name, std::int64_t cost, double seconds) {
  return {{"name", name},
          {"basis", "history"},
          {"history_runs", 5},
          {"start", "2026-01-08T12:00:00.000Z"},
          {"seconds", {{"expected", seconds}}},
          {"cost_microusd", {{"expected", cost}}}};
}

class Optimizing : public ::testing::Test {
 protected:
  Optimizing() {
    backend_.answers["jobs"] =
        json::parse(R"({"jobs": [{"job_id": "llm-7", "estimated_cost_microusd": 1000}]})");
    backend_.answers["jobs/llm-7"] = json::parse(R"({"job_id": "llm-7", "state": "queued",
      "spec": {"job_id": "llm-7", "model_type": "llm", "batch_size": 32, "after": ["a"]}})");
    // As it is, on spot nodes, off-peak, with a batch of 64.
    backend_.answers["compare"] = {{"configurations",
                                    {configuration("0", 1000, 100), configuration("1", 300, 100),
                                     configuration("2", 500, 100), configuration("3", 995, 99)}}};
    backend_.answers["report"] = {{"total", {{"total_microusd", 65000}}}};
    backend_.answers["runs"] = json::parse(R"({"all": true, "runs": [
      {"job_id": "old-1", "state": "succeeded", "total_microusd": 9000}]})");
    backend_.answers["recommendations"] =
        json::parse(R"({"model_type": "mnist", "recommendations": [
      {"strategy": "off_peak", "description": "run it at night", "savings_microusd": {"low": 400, "high": 800}, "confidence": "high",
       "risk": "later", "evidence": {"run_seconds": 60}, "action": {"command": "oppen submit --window off_peak", "changes": {}}}]})");
  }

  // As it is and on spot nodes, alone.
  void compare_spot() {
    backend_.answers["compare"]["configurations"] = {configuration("0", 1000, 100),
                                                     configuration("1", 300, 100)};
  }

  Outcome run(const char* name, const json& arguments) {
    const Tool* const tool = find_tool(name);
    auto outcome = call(*tool, backend_, arguments);
    if (outcome) {
      for (const auto& fault : check_schema(tool->output, outcome->data))
        ADD_FAILURE() << name << ": " << fault.sentence();
    }
    return outcome;
  }

  // As if the proposal that was published last were in the log.
  access::KnownProposal& publish() {
    const auto& proposal = backend_.proposed.back();
    return backend_.known[proposal.proposal_id] = {proposal, std::nullopt, {}, {}};
  }

  FakeBackend backend_;
  const json spot_ = {{"job_id", "llm-7"}, {"changes", {{"spot", true}}}};
};

TEST_F(Optimizing, CostsAreAnalysed) {
  backend_.answers["analysis"] = json::parse(R"({"reports": {
    "model": {"from": "2026-01-02", "to": "2026-01-08", "groups": [{"key": "llm", "total_microusd": 65000}],
      "total": {"total_microusd": 65000, "effective_percent": 40, "wasted_microusd": 600},
      "before": {"from": "2025-12-26", "to": "2026-01-01", "total_microusd": 50000, "change_microusd": 15000, "change_percent": 30}},
    "run": {"groups": [{"key": "old-1", "total_microusd": 9000, "effective_percent": 25}, {"key": "", "rest": true, "total_microusd": 1}]},
    "workload": {"groups": [{"key": "training", "total_microusd": 60000, "effective_percent": 40.0},
      {"key": "inference", "total_microusd": 5000}]},
    "day": {"groups": [{"key": "2026-01-07", "total_microusd": 40000}, {"key": "2026-01-08", "total_microusd": 25000}]}}})");
  const auto outcome = run("analyze_costs", {{"days", 7}});
  ASSERT_TRUE(outcome);
  // Six days and the half of today.
  EXPECT_EQ(outcome->data["per_day_microusd"], 10000);
  const json& training = outcome->data["workloads"][0];
  EXPECT_EQ(training["workload_type"], "training");
  EXPECT_EQ(training["total_microusd"], 60000);
  EXPECT_EQ(training["utilization_percent"], 40.0);
  EXPECT_FALSE(outcome->data["workloads"][1].contains("utilization_percent"));
  EXPECT_EQ(outcome->data["days"][1], json({{"day", "2026-01-08"}, {"total_microusd", 25000}}));
  EXPECT_EQ(backend_.asked.at(0), "analysis?from=2026-01-02&to=2026-01-08&limit=5");
  EXPECT_EQ(outcome->data["runs"].size(), 1u) << "not what is outside of the days";
  EXPECT_EQ(outcome->data["runs"][0]["key"], "old-1");
  EXPECT_THAT(outcome->text, AllOf(HasSubstr("GPU utilisation 40 %"), HasSubstr("+30 %")));
}

TEST_F(Optimizing, ProposalsAreRankedByMoney) {
  const auto outcome = run("propose_optimizations", json::object());
  ASSERT_TRUE(outcome);
  const json& all = outcome->data["proposals"];
  ASSERT_EQ(all.size(), 3u) << "half a percent is nothing";
  EXPECT_EQ(all[0]["strategy"], "spot");
  EXPECT_EQ(all[0]["savings_microusd"], 700);
  EXPECT_EQ(all[0]["savings_percent"], 70.0);
  EXPECT_EQ(all[0]["changes"], spot_);
  EXPECT_EQ(all[1]["kind"], "next_runs");
  EXPECT_EQ(all[1]["savings_microusd"], 600);
  EXPECT_EQ(all[1]["command"], "oppen submit --window off_peak");
  EXPECT_EQ(all[1]["evidence"]["runs"], json({"old-1"}));
  EXPECT_EQ(all[2]["savings_microusd"], 500);
  EXPECT_EQ(all[2]["rank"], 3);
  EXPECT_EQ(backend_.commands(), 0u);
  // What was asked is the job in its variants.
  const json jobs = json::parse(backend_.posted.at(0))["jobs"];
  ASSERT_EQ(jobs.size(), 4u);
  EXPECT_EQ(jobs[1]["spot"], true);
  EXPECT_EQ(jobs[2]["window"], "off_peak");
  EXPECT_EQ(jobs[3]["batch_size"], 64);
  EXPECT_FALSE(jobs[0].contains("after")) << "the comparison is of what it costs";
}

TEST_F(Optimizing, AChangeOfAWaitingJobIsSimulated) {
  compare_spot();
  backend_.answers["jobs/llm-7/explain"] = {{"start_p50", "2026-01-08T13:00:00.000Z"},
                                            {"position", 4}};
  backend_.answers["simulate"] = {
      {"jobs", {{{"position", 9}, {"start_p50", "2026-01-08T14:00:00.000Z"}}}}};
  auto outcome = run("simulate_optimization", {{"changes", spot_}});
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->data["cost_before_microusd"], 1000);
  EXPECT_EQ(outcome->data["savings_microusd"], 700);
  EXPECT_EQ(outcome->data["plan"]["position"], 9);
  EXPECT_EQ(outcome->data["now"]["position"], 4);
  backend_.answers["jobs/llm-7"]["state"] = "running";
  outcome = run("simulate_optimization", {{"changes", spot_}});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, ErrorKind::refused);
}

TEST_F(Optimizing, APolicyIsSimulatedByTheSchedulersProjection) {
  backend_.answers["simulate/policy"] =
      json::parse(R"({"as_of": "2026-01-08T12:00:00.000Z", "waiting": 3,
    "before": {"jobs_that_start": 3, "mean_wait_seconds": 300, "last_end": "2026-01-08T12:10:00.000Z", "until_all_have_run_seconds": 600},
    "after": {"jobs_that_start": 2, "mean_wait_seconds": 900, "last_end": "2026-01-08T12:30:00.000Z", "until_all_have_run_seconds": 1800},
    "start_earlier": 0, "start_later": 3})");
  const auto outcome =
      run("simulate_optimization", {{"changes", {{"key", "max_concurrent_jobs"}, {"value", "1"}}}});
  ASSERT_TRUE(outcome);
  EXPECT_EQ(backend_.posted.at(0), R"({"key":"max_concurrent_jobs","value":"1"})");
  EXPECT_EQ(outcome->data["after"]["until_all_have_run_seconds"], 1800);
  EXPECT_EQ(outcome->data["before"]["hourly_microusd"], 188'400);
  EXPECT_FALSE(outcome->data["after"].contains("hourly_microusd")) << "one has no start";
  EXPECT_THAT(
      outcome->text,
      AllOf(HasSubstr("As it is, all 3 start after 5m 0s on average, and have run by "
                      "2026-01-08T12:10:00.000Z, in 10m 0s, at $0.1884 an hour.\n"),
            HasSubstr("With max_concurrent_jobs=1, 2 of 3 have a start that can be foreseen, these "
                      "after 15m 0s on average, and have run by 2026-01-08T12:30:00.000Z, in 30m "
                      "0s.\n"),
            HasSubstr("0 start earlier, 3 later"), Not(HasSubstr("At present"))));
  backend_.answers["simulate/policy"]["held"] = "the queue is paused";
  backend_.answers["simulate/policy"]["until_ignored"] = true;
  backend_.answers["simulate/policy"]["outdated"] = "the scheduler is busy";
  const auto for_a_while =
      run("simulate_optimization",
          {{"changes",
            {{"key", "max_concurrent_jobs"}, {"value", "1"}, {"until", "2026-01-08T18:00:00Z"}}}});
  ASSERT_TRUE(for_a_while);
  EXPECT_EQ(json::parse(backend_.posted.back())["until"], "2026-01-08T18:00:00.000Z");
  EXPECT_THAT(for_a_while->text,
              AllOf(HasSubstr("as if the value had no end"),
                    HasSubstr("Not of now: the scheduler is busy.\n"),
                    HasSubstr("At present nothing is launched: the queue is paused.\n")));
  backend_.posted.clear();
  for (const char* const value : {"0", "many", "1.5", ""})
    EXPECT_EQ(run("simulate_optimization",
                  {{"changes", {{"key", "max_concurrent_jobs"}, {"value", value}}}})
                  .error()
                  .kind,
              ErrorKind::invalid)
        << value;
  backend_.answers["simulate/policy"] = {
      {"error", {{"code", "refused"}, {"message", "what preemption_enabled would do"}}}};
  const auto refused = run("simulate_optimization",
                           {{"changes", {{"key", "preemption_enabled"}, {"value", "true"}}}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::refused);
  EXPECT_THAT(refused.error().message, HasSubstr("preemption_enabled"));
}

TEST_F(Optimizing, APolicyThatTheSchedulerWouldNotTakeIsNotProposed) {
  for (const auto& [key, value] :
       {std::pair("max_concurrent_jobs", "banana"),
        std::pair("max_concurrent_jobs", "9000000000000000000"),
        std::pair("gpu_utilization_target", "101"), std::pair("default_max_runtime_seconds", "0"),
        std::pair("default_priority", "high"), std::pair("backfill_enabled", "yes")}) {
    for (const char* const tool : {"simulate_optimization", "apply_optimization"}) {
      const auto outcome = run(tool, {{"changes", {{"key", key}, {"value", value}}}});
      ASSERT_FALSE(outcome) << tool << " " << key;
      EXPECT_EQ(outcome.error().kind, ErrorKind::invalid) << key;
      EXPECT_EQ(outcome.error().fields.at(0).path, "changes.value") << key;
    }
  }
  const auto over =
      run("apply_optimization",
          {{"changes",
            {{"key", "backfill_enabled"}, {"value", "true"}, {"until", "2026-01-08T11:59:59Z"}}}});
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().fields.at(0).path, "changes.until");
  // Nor without knowing what it would do, where that can be known.
  EXPECT_FALSE(
      run("apply_optimization", {{"changes", {{"key", "max_concurrent_jobs"}, {"value", "2"}}}}));
  EXPECT_EQ(backend_.commands(), 0u);
}

TEST_F(Optimizing, IdsCanBePastedIntoAShell) {
  EXPECT_EQ(proposal_id_of({{"key", "a; rm -rf $(x)\n_B"}, {"value", "1"}})
                .find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_"),
            std::string::npos);
}

TEST_F(Optimizing, ChangesAreOfAJobOrOfAPolicy) {
  for (const json& changes :
       {json::object(), json({{"job_id", "llm-7"}}),
        json({{"job_id", "llm-7"}, {"changes", json::object()}}),
        json({{"key", "backfill_enabled"}}),
        json({{"key", "backfill_enabled"}, {"value", "v"}, {"job_id", "llm-7"}}),
        json({{"key", "backfill_enabled"}, {"value", "v"}, {"until", "tomorrow"}}),
        json({{"key", "model_catalog"}, {"value", "{}"}}),
        json({{"job_id", "llm-7"}, {"changes", {{"epochs", 3}}}})}) {
    const auto outcome = run("apply_optimization", {{"changes", changes}});
    ASSERT_FALSE(outcome) << changes;
    EXPECT_EQ(outcome.error().kind, ErrorKind::invalid) << changes;
    EXPECT_THAT(outcome.error().fields.at(0).path, ::testing::StartsWith("changes")) << changes;
  }
  EXPECT_EQ(backend_.commands(), 0u);
}

TEST_F(Optimizing, ApplyingOnlyProposesAndProposesOnce) {
  compare_spot();
  const auto outcome = run("apply_optimization", {{"changes", spot_}, {"summary", "cheaper"}});
  ASSERT_TRUE(outcome) << outcome.error().message;
  ASSERT_EQ(backend_.proposed.size(), 1u);
  EXPECT_EQ(backend_.commands(), 1u) << "nothing but the proposal";
  const auto proposal = backend_.proposed[0];
  EXPECT_TRUE(parse_data<ProposalCreated>(to_data(proposal)));
  EXPECT_EQ(proposal.changes, spot_);
  EXPECT_EQ(proposal.predicted_savings.value, 700);
  EXPECT_EQ(proposal.expires_at, backend_.time + std::chrono::hours{24});
  EXPECT_EQ(proposal.evidence["cost_before_microusd"], 1000);
  EXPECT_EQ(outcome->data["state"], "waiting_for_approval");
  EXPECT_THAT(outcome->text, AllOf(HasSubstr("Nothing has changed"),
                                   HasSubstr("oppen approve " + proposal.proposal_id)));
  auto& known = publish();
  EXPECT_EQ(run("apply_optimization", {{"changes", spot_}})->data["already_there"], true);
  known.proposal.expires_at = backend_.time;
  EXPECT_EQ(run("apply_optimization", {{"changes", spot_}})->data["already_there"], false)
      << "it has expired";
  EXPECT_EQ(backend_.proposed.size(), 2u);
  EXPECT_EQ(backend_.proposed[1].proposal_id, proposal.proposal_id);
  backend_.answers["jobs/llm-7"]["state"] = "running";
  EXPECT_EQ(run("apply_optimization",
                {{"changes", {{"job_id", "llm-7"}, {"changes", {{"window", "off_peak"}}}}}})
                .error()
                .kind,
            ErrorKind::refused);
}

TEST_F(Optimizing, APolicyIsProposedWithoutAPrice) {
  backend_.answers["simulate/policy"] = {
      {"error", {{"code", "refused"}, {"message", "it can't be told"}}}};
  const json changes = {{"key", "backfill_enabled"}, {"value", "true"}};
  const auto outcome =
      run("apply_optimization", {{"changes", changes}, {"predicted_savings_usd", 1.5}});
  ASSERT_TRUE(outcome);
  EXPECT_EQ(backend_.proposed.at(0).predicted_savings.value, 1'500'000);
  EXPECT_EQ(backend_.proposed[0].changes, changes);
}

TEST_F(Optimizing, TheEffectOnAJobIsHeldAgainstThePrediction) {
  compare_spot();
  ASSERT_TRUE(run("apply_optimization", {{"changes", spot_}}));
  auto& known = publish();
  const auto effect = [this] {
    return run("get_optimization_effect", json::object())->data["proposals"].at(0);
  };
  EXPECT_EQ(effect()["state"], "waiting_for_approval");
  EXPECT_FALSE(effect().contains("carried_out"));
  known.decision = ApprovalDecided{known.proposal.proposal_id, "", "approve", "ann", ""};
  known.decided_at = backend_.time;
  EXPECT_EQ(effect()["state"], "approved");
  EXPECT_EQ(effect()["carried_out"], false) << "the scheduler has not come to it";
  backend_.answers["jobs/llm-7"]["spec"]["spot"] = true;
  backend_.answers["forecast/llm-7"] = json::parse(
      R"({"basis": "history", "spent_microusd": 0, "total_microusd": {"expected": 350}})");
  json now = effect();
  EXPECT_EQ(now["carried_out"], true);
  EXPECT_EQ(now["saved_microusd"], 650);
  EXPECT_EQ(now["final"], false);
  backend_.answers["forecast/llm-7"] = json::parse(
      R"({"basis": "ended", "spent_microusd": 280, "total_microusd": {"expected": 280}})");
  now = effect();
  EXPECT_EQ(now["saved_microusd"], 720);
  EXPECT_EQ(now["predicted_savings_microusd"], 700);
  EXPECT_EQ(now["final"], true);
  known.decision->decision = "undo";
  backend_.answers["jobs/llm-7"]["spec"]["spot"] = false;
  EXPECT_EQ(effect()["state"], "undone");
  EXPECT_EQ(effect()["carried_out"], false);
  EXPECT_EQ(run("get_optimization_effect", {{"proposal_id", "other"}}).error().kind,
            ErrorKind::not_found);
}

TEST_F(Optimizing, TheEffectOfAPolicyIsWhatIsSpentADay) {
  backend_.answers["simulate/policy"] = {
      {"error", {{"code", "refused"}, {"message", "it can't be told"}}}};
  ASSERT_TRUE(
      run("apply_optimization", {{"changes", {{"key", "max_concurrent_jobs"}, {"value", "1"}}}}));
  auto& known = publish();
  known.decision = ApprovalDecided{known.proposal.proposal_id, "", "approve", "ann", ""};
  known.decided_at = *parse_rfc3339("2026-01-07T15:00:00Z");
  known.overrides.push_back({"max_concurrent_jobs", "1", std::nullopt, known.proposal.proposal_id});
  backend_.asked.clear();
  const json now = run("get_optimization_effect", json::object())->data["proposals"].at(0);
  EXPECT_EQ(now["carried_out"], true);
  EXPECT_EQ(now["spent_since_microusd"], 65000);
  EXPECT_EQ(now["per_day_since_microusd"], 43333) << "a day and a half";
  EXPECT_EQ(now["per_day_before_microusd"], 9286) << "of seven days";
  EXPECT_EQ(backend_.asked.at(0), "report?by=day&from=2025-12-31&to=2026-01-06");
}

TEST_F(Optimizing, OneEffectThatIsNotKnownIsInNobodysWay) {
  compare_spot();
  ASSERT_TRUE(run("apply_optimization", {{"changes", spot_}}));
  auto proposal = backend_.proposed.at(0);
  for (int i = 0; i < 60; ++i) {
    proposal.proposal_id = "opt-" + std::to_string(i);
    proposal.expires_at = backend_.time + std::chrono::hours{i};
    backend_.known[proposal.proposal_id] = {
        proposal, ApprovalDecided{proposal.proposal_id, "", "approve", "ann", ""}, {}, {}};
  }
  backend_.known["opt-59"].proposal.changes = {{"key", "backfill_enabled"}, {"value", "true"}};
  backend_.answers.erase("report");
  backend_.answers.erase("jobs/llm-7");
  const auto all = run("get_optimization_effect", json::object());
  ASSERT_TRUE(all);
  ASSERT_EQ(all->data["proposals"].size(), 20u);
  EXPECT_EQ(all->data["left_out"], 40);
  EXPECT_EQ(all->data["proposals"][0]["proposal_id"], "opt-59");
  EXPECT_THAT(all->data["proposals"][0]["error"].get<std::string>(), HasSubstr("report"));
  EXPECT_FALSE(all->data["proposals"][1].contains("error"));
  // Of a budget's approval it is told what the job does.
  proposal.proposal_id = "llm-7";
  proposal.kind = "budget_approval";
  proposal.changes = {{"job_id", "llm-7"}};
  backend_.known["llm-7"] = {proposal, ApprovalDecided{"", "llm-7", "approve", "ann", ""}, {}, {}};
  backend_.answers["jobs/llm-7"] = {{"job_id", "llm-7"}, {"state", "running"}};
  const json one =
      run("get_optimization_effect", {{"proposal_id", "llm-7"}})->data["proposals"].at(0);
  EXPECT_EQ(one["job_state"], "running");
  EXPECT_FALSE(one.contains("per_day_since_microusd"));
}

TEST_F(Optimizing, AJobThatCanNotBePricedIsLeftOut) {
  backend_.answers["compare"] = {
      {"error", {{"code", "invalid"}, {"message", "no such model"}, {"errors", json::array()}}}};
  const auto outcome = run("propose_optimizations", json::object());
  ASSERT_TRUE(outcome) << outcome.error().message;
  ASSERT_EQ(outcome->data["proposals"].size(), 1u);
  EXPECT_EQ(outcome->data["proposals"][0]["kind"], "next_runs");
}

}  // namespace
}  // namespace oppen::agent
