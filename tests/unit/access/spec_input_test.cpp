// Proves how flags and a JSON file become one job spec: flags go over the file, field by field, and
// everything that is wrong is named at once, also a field that there isn't.
#include "producers/access/spec_input.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace oppen::access {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::vector<std::string> sorted_paths(const FieldErrors& errors) {
  std::vector<std::string> list;
  for (const auto& error : errors) list.push_back(error.path);
  std::sort(list.begin(), list.end());
  return list;
}

TEST(Flags, SetWhatTheyNameAndNothingElse) {
  SpecFlags flags;
  flags.texts = {{"model_type", "mnist"}, {"resources.memory", "2Gi"}};
  flags.numbers = {{"epochs", 2}, {"resources.gpu_share", 0.5}};
  flags.switches = {{"spot", true}};
  flags.lists = {{"command", {"python", "train.py"}}};
  flags.env = {"LR=0.01", "EMPTY=", "URL=a=b"};
  flags.labels = {"run=7"};
  EXPECT_EQ(
      *with_flags(json::object(), flags),
      json::parse(
          R"({"model_type":"mnist","resources":{"memory":"2Gi","gpu_share":0.5},"epochs":2,"spot":true,
                            "command":["python","train.py"],"env":{"LR":"0.01","EMPTY":"","URL":"a=b"},
                            "labels":{"run":"7"}})"));
}

TEST(Flags, GoOverTheFileFieldByField) {
  SpecFlags flags;
  flags.texts = {{"priority", "urgent"}, {"resources.cpu", "4"}};
  flags.env = {"B=3"};
  const json file = {{"model_type", "llm"},
                     {"priority", "background"},
                     {"resources", {{"gpus", 1}, {"cpu", "2"}}},
                     {"env", {{"A", "1"}, {"B", "2"}}}};
  EXPECT_EQ(*with_flags(file, flags),
            json::parse(R"({"model_type":"llm","priority":"urgent","resources":{"gpus":1,"cpu":"4"},
                            "env":{"A":"1","B":"3"}})"));
}

TEST(Flags, WantKeyEqualsValue) {
  SpecFlags flags;
  flags.env = {"NOVALUE"};
  flags.labels = {"=x"};
  const auto spec = with_flags(json::object(), flags);
  ASSERT_FALSE(spec);
  EXPECT_EQ(sentences(spec.error()),
            "env is \"NOVALUE\": expected KEY=VALUE; labels is \"=x\": expected KEY=VALUE");
}

TEST(Job, GetsAnIdOfItsModelWhenItHasNone) {
  const auto job = checked_job({{"model_type", "MNIST"}});
  ASSERT_TRUE(job);
  EXPECT_THAT(job->spec.job_id, StartsWith("mnist-"));
  EXPECT_EQ(checked_job({{"model_type", "mnist"}, {"job_id", "mine"}})->spec.job_id, "mine");
}

TEST(Job, NamesEveryFault) {
  const auto job = checked_job({{"job_id", "Not An Id"},
                                {"epochs", 0},
                                {"epoch", 3},
                                {"resources", {{"gpus", -1}, {"ram", "2Gi"}}}});
  ASSERT_FALSE(job);
  EXPECT_EQ(sorted_paths(job.error()),
            (std::vector<std::string>{"epoch", "epochs", "job_id", "model_type", "resources.gpus",
                                      "resources.ram"}));
}

TEST(Job, SaysWhichFieldsThereAre) {
  const auto job = checked_job({{"model_type", "mnist"}, {"priorty", "urgent"}});
  ASSERT_FALSE(job);
  EXPECT_THAT(sentences(job.error()),
              HasSubstr("priorty is \"urgent\": expected no such field (there are after, args,"));
}

TEST(Job, MustBeAnObject) { EXPECT_FALSE(checked_job(json::array())); }

TEST(RetryId, CountsOnAndKeepsToTheLengthOfAnId) {
  EXPECT_EQ(retry_id("mnist-7"), "mnist-7-retry-1");
  EXPECT_EQ(retry_id("mnist-7-retry-1"), "mnist-7-retry-2");
  EXPECT_EQ(retry_id("mnist-7-retry-99"), "mnist-7-retry-100");
  EXPECT_EQ(retry_id("mnist-retry-x"), "mnist-retry-x-retry-1");
  EXPECT_EQ(retry_id(std::string(50, 'a')), std::string(42, 'a') + "-retry-1");
  EXPECT_EQ(retry_id(std::string(42, 'a') + "-retry-9"), std::string(41, 'a') + "-retry-10");
  EXPECT_EQ(retry_id(std::string(40, 'a') + "--bcdefgh"), std::string(40, 'a') + "-retry-1");
}

}  // namespace
}  // namespace oppen::access
