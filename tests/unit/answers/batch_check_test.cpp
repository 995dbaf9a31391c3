// Proves that a batch which is only asked about is judged as a submitted one: every fault of every job at once, and which of them are of
// the input itself; and what a good job is projected with.
#include "scheduler/answers/batch_check.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace oppen::answers {
namespace {

using nlohmann::json;

core::AdmissionRules rules() {
  plan::Policy policy;
  policy.max_batch_jobs = 3;
  policy.model_catalog["mnist"] = {
      "mnist:1", {"train"}, {}, {1, std::nullopt, "", 1000, std::int64_t{2} << 30}, 120, ""};
  core::AdmissionRules rules;
  rules.policy = std::make_shared<const plan::Policy>(policy);
  rules.quotas = {{"gpu-quota", "", {{"gpus", 2}}, {}}};
  rules.node_sizes = std::make_shared<const core::NodeSizes>();
  rules.durations = std::make_shared<const plan::Durations>();
  return rules;
}

json job(const std::string& id, json more = json::object()) {
  more["job_id"] = id;
  more["model_type"] = "mnist";
  return more;
}

Result<CheckedBatch> check_text(std::string_view text, const pricing::CostModel& model = {}) {
  return check_batch(text, rules(), Time{}, model);
}
Result<CheckedBatch> check(const json& jobs, const pricing::CostModel& model = {}) {
  return check_text(json{{"batch_id", "b"}, {"jobs", jobs}}.dump(), model);
}

TEST(BatchCheck, AGoodJobIsPlannedAsItWouldBeQueued) {
  const auto batch = check(json::array(
      {job("a", {{"epochs", 2}, {"priority", "urgent"}, {"max_runtime_seconds", 600}})}));
  ASSERT_TRUE(batch);
  ASSERT_TRUE(batch->faults.empty());
  ASSERT_EQ(batch->jobs.size(), 1U);
  const auto& planned = batch->jobs[0];
  EXPECT_EQ(planned.job_id, "a");
  EXPECT_EQ(planned.waiting.priority, Priority::urgent);
  EXPECT_EQ(planned.waiting.amounts, (plan::Amounts{1, 1, 1000, std::int64_t{2} << 30}));
  EXPECT_NEAR(planned.seconds, 240, 0.01);
  EXPECT_FLOAT_EQ(planned.waiting.spread, 0.5F);
  EXPECT_EQ(planned.waiting.max_runtime_seconds, 300U + 600 + 30);  // with its launch and its grace
}

TEST(BatchCheck, EveryFaultIsNamedAtOnce) {
  const auto batch = check({job("a", {{"epochs", 0}, {"batch_size", -1}}), job("ok"),
                            job("big", {{"resources", {{"gpus", 3}}}}), job("ok")});
  ASSERT_TRUE(batch);
  EXPECT_TRUE(batch->malformed);
  std::vector<std::pair<int, std::string>> places;
  for (const auto& fault : batch->faults) places.emplace_back(fault.index, fault.field);
  EXPECT_THAT(places, ::testing::ElementsAre(std::pair(0, "epochs"), std::pair(0, "batch_size"),
                                             std::pair(2, "resources"), std::pair(3, "job_id"),
                                             std::pair(-1, "jobs")));
  EXPECT_EQ(batch->faults[0].value, "0");
  EXPECT_EQ(batch->faults[2].reason, "needs 3 gpus, quota gpu-quota allows 2 gpus in all");
  EXPECT_EQ(batch->faults[4].reason, "the batch has 4 jobs: expected at most 3 (max_batch_jobs)");
}

TEST(BatchCheck, WhatTheClusterIsTooSmallForIsNoFaultOfTheInput) {
  const auto batch = check(json::array({job("big", {{"resources", {{"gpus", 3}}}})}));
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->faults.size(), 1U);
  EXPECT_FALSE(batch->malformed);
}

TEST(BatchCheck, ACircleIsAFaultOfTheInput) {
  const auto batch = check({job("a", {{"after", {"b"}}}), job("b", {{"after", {"a"}}}),
                            job("c", {{"after", {"elsewhere"}}})});
  ASSERT_TRUE(batch);
  EXPECT_TRUE(batch->malformed);
  ASSERT_EQ(batch->faults.size(), 1U);
  EXPECT_EQ(batch->faults[0].index, 0);
  EXPECT_EQ(batch->faults[0].field, "after");
  EXPECT_EQ(batch->faults[0].reason, "these jobs wait for each other: a after b after a");
}

TEST(BatchCheck, AWindowThatNeverOpensIsRefused) {
  pricing::CostModel model;
  model.off_peak_start_minute = model.off_peak_end_minute;
  const auto jobs = json::array({job("day"), job("night", {{"window", "off_peak"}})});
  const auto refused = check(jobs, model);
  ASSERT_TRUE(refused);
  EXPECT_FALSE(refused->malformed);
  ASSERT_EQ(refused->faults.size(), 1U);
  EXPECT_EQ(refused->faults[0].index, 1);
  EXPECT_EQ(refused->faults[0].field, "window");
  EXPECT_THAT(refused->faults[0].reason, ::testing::HasSubstr("never opens"));
  const auto taken = check(jobs);
  ASSERT_TRUE(taken);
  EXPECT_TRUE(taken->faults.empty());
}

TEST(BatchCheck, GarbageIsRefused) {
  for (const auto* text : {"", "garbage", "{\"jobs\":[", "\xff\xfe"}) {
    const auto batch = check_text(text);
    ASSERT_FALSE(batch) << text;
    EXPECT_EQ(batch.error().kind, ErrorKind::invalid);
  }
  for (const auto* text : {"[]", "7", "{}", "{\"batch_id\":\"b\",\"jobs\":7}", "null"}) {
    const auto batch = check_text(text);
    ASSERT_TRUE(batch) << text;
    EXPECT_TRUE(batch->malformed && !batch->faults.empty()) << text;
  }
}

TEST(BatchCheck, ManyFaultsAreCounted) {
  json jobs = json::array();
  for (int i = 0; i < 1500; ++i) jobs.push_back(job("a-" + std::to_string(i), {{"epochs", 0}}));
  const auto batch = check(jobs);
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->faults.size(), most_faults + 1);
  EXPECT_EQ(batch->faults.back().reason, "501 more errors are left out");
}

}  // namespace
}  // namespace oppen::answers
