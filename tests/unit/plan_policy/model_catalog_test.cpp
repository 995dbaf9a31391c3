// Proves that a model catalogue's entry is read whole, that it has a job's own limits, and that
// every fault, a misspelt field included, is named by its path.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "scheduler/plan/policy.hpp"

namespace oppen::plan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

tl::expected<Policy, FieldErrors> with_catalog(const std::string& json) {
  return parse_policy({{"model_catalog", json}});
}

std::vector<std::string> fault_paths(const std::string& json) {
  std::vector<std::string> paths;
  const auto policy = with_catalog(json);
  if (policy) return paths;
  for (const FieldError& error : policy.error()) paths.push_back(error.path);
  return paths;
}

TEST(ModelCatalog, ReadsAWholeEntry) {
  const auto policy = with_catalog(R"({"mnist":{
      "image":"registry/mnist:1", "command":["python","train.py"], "args":["--fast"],
      "resources":{"gpus":2,"gpu_type":"A100","cpu":"1500m","memory":"2Gi"},
      "seconds_per_epoch":120.5,
      "pod_template":{"tolerations":[{"key":"gpu"}]}}})");
  ASSERT_TRUE(policy) << sentences(policy.error());
  const ModelEntry& entry = policy->model_catalog.at("mnist");
  EXPECT_EQ(entry.image, "registry/mnist:1");
  EXPECT_THAT(entry.command, ElementsAre("python", "train.py"));
  EXPECT_THAT(entry.args, ElementsAre("--fast"));
  EXPECT_EQ(entry.resources.gpus, 2);
  EXPECT_EQ(entry.resources.gpu_type, "A100");
  EXPECT_EQ(entry.resources.cpu_millicores, 1'500);
  EXPECT_EQ(entry.resources.memory_bytes, std::int64_t{2} << 30);
  EXPECT_DOUBLE_EQ(entry.seconds_per_epoch, 120.5);
  EXPECT_EQ(nlohmann::json::parse(entry.pod_template_json)["tolerations"][0]["key"], "gpu");
}

TEST(ModelCatalog, AnImageIsEnough) {
  const auto policy = with_catalog(R"({"mnist":{"image":"registry/mnist:1"}})");
  ASSERT_TRUE(policy) << sentences(policy.error());
  const ModelEntry& entry = policy->model_catalog.at("mnist");
  EXPECT_EQ(entry.resources, JobSpec::ResourceRequest{});
  EXPECT_DOUBLE_EQ(entry.seconds_per_epoch, 60);
  EXPECT_EQ(entry.pod_template_json, "");
}

TEST(ModelCatalog, ReadsAShareInsteadOfDevices) {
  const auto policy = with_catalog(R"({"serve":{"image":"i","resources":{"gpu_share":0.25}}})");
  ASSERT_TRUE(policy) << sentences(policy.error());
  EXPECT_EQ(policy->model_catalog.at("serve").resources.gpu_share, 0.25);
  EXPECT_EQ(policy->model_catalog.at("serve").resources.gpus, std::nullopt);
}

TEST(ModelCatalog, NamesEachFaultByItsPath) {
  EXPECT_THAT(
      fault_paths(R"({"mnist":{"image":"i","resources":{"cpu":"much","memory":"-1","gpus":65}}})"),
      UnorderedElementsAre("model_catalog.mnist.resources.cpu",
                           "model_catalog.mnist.resources.memory",
                           "model_catalog.mnist.resources.gpus"));
  EXPECT_THAT(fault_paths(R"({"mnist":{"image":"i","command":["a",7]}})"),
              ElementsAre("model_catalog.mnist.command[1]"));
  EXPECT_THAT(fault_paths(R"({"mnist":{"image":"i","args":"--fast"}})"),
              ElementsAre("model_catalog.mnist.args"));
  EXPECT_THAT(fault_paths(R"({"mnist":{"image":"i","seconds_per_epoch":0}})"),
              ElementsAre("model_catalog.mnist.seconds_per_epoch"));
  EXPECT_THAT(fault_paths(R"({"mnist":{"image":"i","seconds_per_epoch":"60"}})"),
              ElementsAre("model_catalog.mnist.seconds_per_epoch"));
  EXPECT_THAT(fault_paths(R"({"mnist":{"image":"i","pod_template":[]}})"),
              ElementsAre("model_catalog.mnist.pod_template"));
  EXPECT_THAT(fault_paths(R"({"mnist":{"image":"i","resources":{"gpus":1,"gpu_share":0.5}}})"),
              ElementsAre("model_catalog.mnist.resources.gpu_share"));
  EXPECT_THAT(fault_paths(R"({"mnist":{}})"), ElementsAre("model_catalog.mnist.image"));
  EXPECT_THAT(fault_paths(R"({"not a label":{"image":"i"}})"),
              ElementsAre("model_catalog.not a label"));
  EXPECT_THAT(fault_paths(R"({"mnist":"i"})"), ElementsAre("model_catalog.mnist"));
  EXPECT_THAT(fault_paths("{"), ElementsAre("model_catalog"));
}

TEST(ModelCatalog, RefusesMisspeltFields) {
  EXPECT_THAT(
      fault_paths(R"({"mnist":{"image":"i","imgae":"j","resources":{"gpu":1}}})"),
      UnorderedElementsAre("model_catalog.mnist.imgae", "model_catalog.mnist.resources.gpu"));
  const auto policy = with_catalog(R"({"mnist":{"image":"i","resources":{"gpu":1}}})");
  ASSERT_FALSE(policy);
  EXPECT_THAT(policy.error().front().expected, HasSubstr("gpus, gpu_share"));
}

// The mistake that is near: a pod template as Kubernetes has it, with a "spec".
TEST(ModelCatalog, APodTemplateHasTheFieldsOfAPodsSpec) {
  const auto policy = with_catalog(
      R"({"mnist":{"image":"i","pod_template":{"spec":{"volumes":[]},"hostIPC":true,"volumeMounts":[]}}})");
  ASSERT_FALSE(policy);
  ASSERT_EQ(policy.error().size(), 1U);
  const auto& fault = policy.error().front();
  EXPECT_EQ(fault.path, "model_catalog.mnist.pod_template.spec");
  EXPECT_EQ(fault.value, R"({"volumes":[]})");
  EXPECT_THAT(fault.expected, HasSubstr("tolerations, topologySpreadConstraints, volumes"));
}

}  // namespace
}  // namespace oppen::plan
