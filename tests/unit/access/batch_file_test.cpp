// Proves that a batch is read in its three forms, that ids are given, and that all faults of all
// jobs come at once, by index and field.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "producers/access/spec_input.hpp"

namespace oppen::access {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

std::vector<std::string> ids(const BatchSubmit& batch) {
  std::vector<std::string> list;
  for (const auto& job : batch.jobs) list.push_back(job.job_id);
  return list;
}

std::vector<std::string> paths(const FieldErrors& errors) {
  std::vector<std::string> list;
  for (const auto& error : errors) list.push_back(error.path);
  return list;
}

TEST(BatchFile, IsAnArray) {
  const auto batch =
      checked_batch(R"([{"model_type":"mnist"},{"model_type":"llm","job_id":"mine"}])", {"b7", {}});
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->batch_id, "b7");
  EXPECT_THAT(ids(*batch), ElementsAre("b7-1", "mine"));
  EXPECT_FALSE(batch->max_total);
}

TEST(BatchFile, IsAnObject) {
  const auto batch = checked_batch(
      R"({"batch_id":"b8","max_total_microusd":500000,"jobs":[{"model_type":"mnist"}]})", {});
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->batch_id, "b8");
  EXPECT_EQ(batch->max_total, MicroUsd{500'000});
}

TEST(BatchFile, IsLines) {
  const auto batch =
      checked_batch("{\"model_type\":\"mnist\"}\n\n{\"model_type\":\"llm\"}\r\n", {"b9", {}});
  ASSERT_TRUE(batch);
  EXPECT_THAT(ids(*batch), ElementsAre("b9-1", "b9-2"));
  EXPECT_EQ(batch->jobs[1].model_type, "llm");
}

TEST(BatchFile, ThatIsATowerOfBracketsIsRefused) {
  constexpr std::size_t levels = 300'000;
  const auto tower = std::string(levels, '[') + std::string(levels, ']');
  for (const auto& text : {tower, R"({"jobs":)" + tower + "}", R"({"model_type":)" + tower + "}"}) {
    const auto batch = checked_batch(text, {});
    ASSERT_FALSE(batch);
    EXPECT_THAT(sentences(batch.error()), HasSubstr("32 levels"));
  }
}

TEST(BatchFile, OfOneLineIsABatchOfOneJob) {
  const auto batch = checked_batch(R"({"model_type":"mnist"})", {});
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->jobs.size(), 1u);
  EXPECT_THAT(batch->batch_id, StartsWith("batch-"));
}

TEST(BatchFile, GivesWayToTheFlags) {
  const auto batch = checked_batch(
      R"({"batch_id":"theirs","max_total_microusd":1,"jobs":[{"model_type":"mnist"}]})",
      {"ours", MicroUsd{2}});
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->batch_id, "ours");
  EXPECT_EQ(batch->max_total, MicroUsd{2});
}

TEST(BatchFile, HasAllItsFaultsNamed) {
  const auto batch = checked_batch(R"([{"model_type":"mnist","epochs":0},
                                       {"epoch":1,"model_type":"mnist","job_id":"twin"},
                                       {"resources":{"gpus":-1},"model_type":"mnist","job_id":"twin"},
                                       {"job_id":"nameless"},
                                       7])",
                                   {"b", {}});
  ASSERT_FALSE(batch);
  EXPECT_THAT(paths(batch.error()),
              UnorderedElementsAre("jobs[0].epochs", "jobs[1].epoch", "jobs[2].job_id",
                                   "jobs[2].resources.gpus", "jobs[3].model_type", "jobs[4]"));
}

TEST(BatchFile, HasItsBadLinesNamed) {
  const auto batch = checked_batch("{\"model_type\":\"mnist\"}\n{\"model_type\"\n\nnonsense\n", {});
  ASSERT_FALSE(batch);
  EXPECT_THAT(paths(batch.error()), ElementsAre("line 2", "line 4"));
  EXPECT_THAT(sentences(batch.error()), HasSubstr("one job a line"));
}

TEST(BatchFile, MustNotBeEmpty) {
  EXPECT_FALSE(checked_batch("", {}));
  EXPECT_FALSE(checked_batch("[]", {}));
}

}  // namespace
}  // namespace oppen::access
