#include "workers/anomaly/diagnose/diagnose.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <numeric>

namespace oppen::anomaly {
namespace {

using Seens = std::map<std::pair<std::string, std::string>, Seen>;

WorkloadChange workload(const std::string& team, const std::string& model, const std::string& gpu,
                        double before, double now) {
  WorkloadChange change;
  change.place = {{"team", team},
                  {"project", team},
                  {"model_type", model},
                  {"gpu_type", gpu},
                  {"namespace", "ml-training"}};
  change.workload_type = "training";
  change.cost_before = change.quantity_before = before;
  change.cost_now = change.quantity_now = now;
  return change;
}

double shares(const std::vector<Alert::Cause>& causes) {
  return std::accumulate(causes.begin(), causes.end(), 0.0,
                         [](double sum, const auto& cause) { return sum + cause.share; });
}

TEST(SplitOf, PriceAndQuantityAddUpToTheChange) {
  WorkloadChange change;
  change.cost_before = 10;  // 10 hours at $1
  change.quantity_before = 10;
  change.cost_now = 40;  // 20 hours at $2
  change.quantity_now = 20;
  const auto split = split_of(change);
  // L(40, 10) = 30 / ln 4 = 21.64; each of the two doubled: 21.64 x ln 2 = 15.
  EXPECT_NEAR(split.price, 15, 1e-9);
  EXPECT_NEAR(split.quantity, 15, 1e-9);
  EXPECT_EQ(split.sum(), split.price + split.quantity);
}

TEST(SplitOf, WhatIsNewOrHasEndedIsApart) {
  WorkloadChange appeared, ended;
  appeared.cost_now = appeared.quantity_now = 7;
  ended.cost_before = ended.quantity_before = 7;
  EXPECT_EQ(split_of(appeared).appeared, 7);
  EXPECT_EQ(split_of(ended).ended, -7);
}

TEST(SplitOf, NothingChanged) {
  WorkloadChange same;
  same.cost_before = same.cost_now = 5;
  same.quantity_before = same.quantity_now = 3;
  EXPECT_EQ(split_of(same).sum(), 0);
}

TEST(Diagnose, NamesTheNewJobs) {
  Question question;
  question.about = {{"scope", "total"}};
  question.changes = {workload("vision", "resnet", "T4", 20, 20),
                      workload("speech", "whisper", "T4", 20, 20),
                      workload("speech", "bert", "T4", 0, 15)};
  question.changes[2].jobs_now = 3;
  question.expected_day = 40;
  question.actual_day = 55;
  question.jobs_at_once = 4;
  const auto diagnosis = diagnose(question, {});
  ASSERT_FALSE(diagnosis.causes.empty());
  EXPECT_EQ(diagnosis.causes[0].dimension, "model_type");
  EXPECT_EQ(diagnosis.causes[0].value, "bert");
  EXPECT_NEAR(diagnosis.causes[0].share, 1, 1e-9);
  EXPECT_EQ(diagnosis.causes[0].explanation,
            "3 new GPU training jobs started unexpectedly of model bert");
  EXPECT_NEAR(shares(diagnosis.causes), 1, 1e-9);
  ASSERT_TRUE(diagnosis.remedy);
  // 4 at once, 3 more than usual: one is left, and all $15 are saved.
  EXPECT_EQ(diagnosis.remedy->changes["key"], "max_concurrent_jobs");
  EXPECT_EQ(diagnosis.remedy->changes["value"], "1");
  EXPECT_EQ(diagnosis.remedy->predicted_savings.value, 15'000'000);
  EXPECT_THAT(diagnosis.remedy->summary,
              testing::HasSubstr("limit parallel jobs to 1: back to $40"));
}

TEST(Diagnose, ALimitIsAtLeastOneJobAndSavesSoMuchLess) {
  Question question;
  question.about = {{"scope", "total"}};
  question.changes = {workload("vision", "resnet", "T4", 0, 30)};
  question.changes[0].jobs_now = 3;
  question.expected_day = 0;
  question.actual_day = 30;
  question.jobs_at_once = 3;
  const auto diagnosis = diagnose(question, {});
  ASSERT_TRUE(diagnosis.remedy);
  EXPECT_EQ(diagnosis.remedy->changes["value"], "1");
  EXPECT_EQ(diagnosis.remedy->predicted_savings.value, 20'000'000) << "two of three jobs";
}

TEST(Diagnose, NamesARisenPrice) {
  Question question;
  question.about = {{"scope", "total"}};
  question.changes = {workload("vision", "resnet", "T4", 20, 24),
                      workload("speech", "whisper", "T4", 10, 12),
                      workload("speech", "bert", "V100", 10, 10)};
  question.changes[0].quantity_now = 20;
  question.changes[1].quantity_now = 10;
  Seens seen;
  seen[{"gpu_type", "T4"}].price_changed = true;
  const auto diagnosis = diagnose(question, seen);
  ASSERT_FALSE(diagnosis.causes.empty());
  EXPECT_EQ(diagnosis.causes[0].dimension, "gpu_type");
  EXPECT_EQ(diagnosis.causes[0].value, "T4");
  EXPECT_EQ(diagnosis.causes[0].explanation,
            "price of GPU type T4 rose 20 %: the prices were changed");
  EXPECT_NEAR(shares(diagnosis.causes), 1, 1e-9);
  EXPECT_FALSE(diagnosis.remedy) << "no limit brings a price down";
}

TEST(Diagnose, WhatIsNewPaysTheRisenPriceToo) {
  Question question;
  question.about = {{"scope", "total"}};
  // T4 costs three times as much; a new workload of $30 would have cost $10.
  question.changes = {workload("vision", "resnet", "T4", 10, 30),
                      workload("speech", "bert", "T4", 0, 30)};
  question.changes[0].quantity_now = 10;
  const auto diagnosis = diagnose(question, {});
  ASSERT_GE(diagnosis.causes.size(), 2U);
  // Of the $50 that it costs more, 20 + 20 are the price's.
  EXPECT_EQ(diagnosis.causes[0].explanation, "price of GPU type T4 rose 200 %");
  EXPECT_NEAR(diagnosis.causes[0].share, 0.8, 1e-9);
  EXPECT_NEAR(diagnosis.causes[1].share, 0.2, 1e-9);
}

TEST(Diagnose, NamesRetriesAndGpuFaults) {
  Question question;
  question.about = {{"team", "vision"}};
  question.changes = {workload("vision", "resnet", "T4", 10, 30),
                      workload("vision", "vit", "T4", 10, 10)};
  question.changes[0].jobs_now = 2;
  Seens seen;
  seen[{"model_type", "resnet"}] = {.started = 14, .requeued = 12, .gpu_faults = 2};
  const auto diagnosis = diagnose(question, seen);
  ASSERT_FALSE(diagnosis.causes.empty());
  EXPECT_EQ(diagnosis.causes[0].explanation, "12 retries of model resnet, with GPU faults");
}

TEST(Diagnose, NamesOnDemandNodesInsteadOfSpot) {
  Question question;
  question.about = {{"team", "vision"}};
  question.changes = {workload("vision", "resnet", "T4", 10, 0),
                      workload("vision", "resnet", "T4", 0, 33),
                      workload("vision", "vit", "T4", 10, 10)};
  question.changes[0].spot = true;
  const auto diagnosis = diagnose(question, {});
  ASSERT_FALSE(diagnosis.causes.empty());
  EXPECT_EQ(diagnosis.causes[0].explanation, "on-demand nodes instead of spot of model resnet");
}

TEST(Diagnose, OppositeMovesAreBothCauses) {
  Question question;
  question.about = {{"scope", "total"}};
  question.changes = {workload("vision", "resnet", "T4", 20, 60),
                      workload("speech", "bert", "T4", 20, 0)};
  const auto diagnosis = diagnose(question, {});
  ASSERT_EQ(diagnosis.causes.size(), 2U);
  EXPECT_NEAR(diagnosis.causes[0].share, 2, 1e-9) << "+40 of +20";
  EXPECT_NEAR(diagnosis.causes[1].share, -1, 1e-9);
  EXPECT_EQ(diagnosis.causes[1].explanation, "less spent of team speech");
}

TEST(Diagnose, ManySmallOnesAreSummed) {
  Question question;
  question.about = {{"scope", "total"}};
  for (int i = 0; i < 20; ++i)
    question.changes.push_back(
        workload("t" + std::to_string(i), "m" + std::to_string(i), "T4", 1, 2 + i));
  const auto diagnosis = diagnose(question, {});
  ASSERT_EQ(diagnosis.causes.size(), 5U);
  EXPECT_EQ(diagnosis.causes[4].value, "(other)");
  EXPECT_NEAR(shares(diagnosis.causes), 1, 1e-9);
}

}  // namespace
}  // namespace oppen::anomaly
