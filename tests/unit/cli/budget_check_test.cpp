// Whether jobs fit into budgets, by what the console says of these, and what is offered instead.
#include "producers/cli/budget_check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace oppen::cli {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

json budget(const std::string& id, std::int64_t left, const std::string& mode,
            const json& scope = json::object()) {
  return {{"budget_id", id},
          {"mode", mode},
          {"scope", scope},
          {"period", "month"},
          {"amount_microusd", 100'000'000},
          {"spent_microusd", 100'000'000 - left},
          {"committed_microusd", 0},
          {"left_microusd", left},
          {"as_of", "2026-01-03T18:15:00.000Z"},
          {"forecast_microusd", 1},
          {"period_end", "2026-02-01T00:00:00.000Z"}};
}

TEST(BudgetCheck, EachBudgetCountsItsOwnJobs) {
  const json all = {
      {"budgets", json::array({budget("vision", 30'000'000, "hard", {{"team", "vision"}}),
                               budget("speech", 1, "hard", {{"team", "speech"}}),
                               budget("both", 45'000'000, "soft"),
                               budget("ocr", 9, "hard", {{"project", "ocr"}})})}};
  const std::vector<Estimated> jobs{{"vision", "faces", {30'000'000}}, {"", "", {20'000'000}}};
  const auto verdict = budget_verdict(all, jobs);
  EXPECT_EQ(verdict["estimated_cost_microusd"], 50'000'000);
  EXPECT_EQ(verdict["feasible"], true);  // the soft one holds nothing
  ASSERT_EQ(verdict["budgets"].size(), 2U);
  EXPECT_EQ(verdict["budgets"][0]["fits"], true);
  EXPECT_EQ(verdict["budgets"][0]["used_percent"], 100.0);
  EXPECT_EQ(verdict["budgets"][1]["budget_id"], "both");
  EXPECT_EQ(verdict["budgets"][1]["fits"], false);
  EXPECT_EQ(budget_verdict(all, {{"vision", "", {30'000'001}}})["feasible"], false);
  EXPECT_EQ(budget_verdict(all, {{"other", "ocr", {10}}})["feasible"], false);
}

TEST(BudgetCheck, AlternativesChangeAllJobsAndLeaveOutWhatTheyAreAlready) {
  JobSpec job;
  job.job_id = "a";
  auto all = alternatives_of({job});
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].changes, (json{{"batch_size", 128}}));
  EXPECT_EQ(all[0].jobs[0].batch_size, 128);
  EXPECT_EQ(all[1].jobs[0].window, "off_peak");
  EXPECT_TRUE(all[2].jobs[0].spot);
  auto other = job;
  other.batch_size = 8;  // no one value is twice that of both
  job.spot = other.spot = true;
  all = alternatives_of({job, other});
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].changes, (json{{"window", "off_peak"}}));
}

TEST(BudgetCheck, ReadsWell) {
  const json all = {{"budgets", json::array({budget("vision", 3'000'000, "hard")})}};
  auto verdict = budget_verdict(all, {{"", "", {5'000'000}}});
  verdict["alternatives"] = json::array({{{"changes", {{"spot", true}}},
                                          {"estimated_cost_microusd", 1'500'000},
                                          {"feasible", true}}});
  const auto text = verdict_text(verdict, 0);
  EXPECT_THAT(text, HasSubstr("does not fit"));
  EXPECT_THAT(text, HasSubstr("102 %"));
  EXPECT_THAT(text, HasSubstr("until 2026-02-01T00:00:00.000Z or the budget is raised"));
  EXPECT_THAT(text, HasSubstr("--spot"));
  EXPECT_THAT(verdict_text(budget_verdict({{"budgets", json::array()}}, {}), 0),
              HasSubstr("No budget counts it"));
  const auto list = budgets_text(all, 0);
  EXPECT_THAT(list, HasSubstr("97 %"));
  EXPECT_THAT(list, HasSubstr("all"));
  EXPECT_THAT(list, Not(HasSubstr("team")));
}

TEST(BudgetCheck, WhatIsNotSummedYetHolds) {
  auto unknown = budget("vision", 100'000'000, "hard");
  unknown["summed"] = false;
  const auto verdict = budget_verdict({{"budgets", json::array({unknown})}}, {{"", "", {1}}});
  EXPECT_EQ(verdict["feasible"], false);
  EXPECT_THAT(verdict_text(verdict, 0), HasSubstr("until what is spent is known"));
}

}  // namespace
}  // namespace oppen::cli
