// Proves what a job gets when it does not say otherwise, and that what it says itself always stands.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "scheduler/plan/policy.hpp"

namespace oppen::plan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

Policy policy_with_mnist() {
  Policy policy;
  ModelEntry& entry = policy.model_catalog["mnist"];
  entry.image = "registry/mnist:1";
  entry.command = {"python", "train.py"};
  entry.args = {"--fast"};
  entry.resources.gpus = 2;
  entry.resources.gpu_type = "A100";
  entry.resources.cpu_millicores = 4'000;
  entry.seconds_per_epoch = 120;
  return policy;
}

JobSpec job(const std::string& model_type) {
  JobSpec spec;
  spec.job_id = "job-1";
  spec.model_type = model_type;
  return spec;
}

TEST(Resolve, FillsEverythingFromTheCatalogueAndTheDefaults) {
  const auto spec = resolve(job("mnist"), policy_with_mnist());
  ASSERT_TRUE(spec) << sentences(spec.error());
  EXPECT_EQ(spec->name, "job-1");
  EXPECT_EQ(spec->priority, Priority::normal);
  EXPECT_EQ(spec->epochs, 1);
  EXPECT_EQ(spec->batch_size, 64);
  EXPECT_EQ(spec->max_runtime_seconds, 86'400);
  EXPECT_EQ(spec->max_retries, 0);
  EXPECT_EQ(spec->preemptible, std::nullopt);
  EXPECT_EQ(spec->image, "registry/mnist:1");
  EXPECT_THAT(spec->command, ElementsAre("python", "train.py"));
  EXPECT_THAT(spec->args, ElementsAre("--fast"));
  const Resources resources = resources_of(*spec);
  EXPECT_EQ(resources.gpus, 2);
  EXPECT_EQ(resources.gpu_type, "A100");
  EXPECT_EQ(resources.cpu_millicores, 4'000);
  EXPECT_EQ(resources.memory_bytes, 256 << 20);
}

TEST(Resolve, KeepsWhatTheJobSays) {
  JobSpec given = job("mnist");
  given.name = "a name";
  given.priority = Priority::urgent;
  given.epochs = 10;
  given.batch_size = 8;
  given.max_runtime_seconds = 60;
  given.max_retries = 2;
  given.preemptible = true;
  given.image = "own:1";
  given.resources.gpus = 1;
  given.resources.gpu_type = "T4";
  given.resources.cpu_millicores = 100;
  given.resources.memory_bytes = 1 << 20;
  const auto spec = resolve(given, policy_with_mnist());
  ASSERT_TRUE(spec);
  EXPECT_EQ(*spec, given);  // an own image brings its own command too
}

TEST(Resolve, IsIdempotent) {
  const Policy policy = policy_with_mnist();
  const auto once = resolve(job("mnist"), policy);
  ASSERT_TRUE(once);
  EXPECT_EQ(resolve(*once, policy).value(), *once);
}

TEST(Resolve, OwnArgumentsGoWithTheCataloguesCommand) {
  JobSpec given = job("mnist");
  given.args = {"--slow"};
  const auto spec = resolve(given, policy_with_mnist());
  ASSERT_TRUE(spec);
  EXPECT_THAT(spec->command, ElementsAre("python", "train.py"));
  EXPECT_THAT(spec->args, ElementsAre("--slow"));
}

TEST(Resolve, AnOwnCommandGoesWithoutTheCataloguesArguments) {
  JobSpec given = job("mnist");
  given.command = {"sh"};
  const auto spec = resolve(given, policy_with_mnist());
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->image, "registry/mnist:1");
  EXPECT_THAT(spec->command, ElementsAre("sh"));
  EXPECT_THAT(spec->args, IsEmpty());
}

TEST(Resolve, AShareStandsInsteadOfTheCataloguesDevices) {
  JobSpec given = job("mnist");
  given.resources.gpu_share = 0.5;
  const auto spec = resolve(given, policy_with_mnist());
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->resources.gpus, std::nullopt);
  EXPECT_EQ(resources_of(*spec).gpus, 0);
  EXPECT_EQ(resources_of(*spec).gpu_share, 0.5);
  EXPECT_EQ(resources_of(*spec).gpu_type, "A100");
}

TEST(Resolve, ACpuOnlyJobHasNoGpuType) {
  JobSpec given = job("mnist");
  given.resources.gpus = 0;
  const auto spec = resolve(given, policy_with_mnist());
  ASSERT_TRUE(spec);
  EXPECT_EQ(resources_of(*spec).gpus, 0);
  EXPECT_EQ(resources_of(*spec).gpu_type, "");
}

TEST(Resolve, AnOwnImageNeedsNoCatalogue) {
  JobSpec given = job("unheard-of");
  given.image = "own:1";
  const auto spec = resolve(given, policy_with_mnist());
  ASSERT_TRUE(spec);
  EXPECT_THAT(spec->command, IsEmpty());
  EXPECT_EQ(resources_of(*spec).gpus, 1);
  EXPECT_EQ(resources_of(*spec).cpu_millicores, 500);
  EXPECT_EQ(resources_of(*spec).memory_bytes, 256 << 20);
}

TEST(Resolve, NamesTheKnownModelTypes) {
  const auto spec = resolve(job("mnits"), policy_with_mnist());
  ASSERT_FALSE(spec);
  ASSERT_EQ(spec.error().size(), 1U);
  const FieldError& error = spec.error().front();
  EXPECT_EQ(error.path, "model_type");
  EXPECT_EQ(error.value, "\"mnits\"");
  EXPECT_THAT(error.expected, HasSubstr("mnist"));
}

TEST(Resolve, NamesAtMostTwentyModelTypes) {
  Policy policy;
  for (int i = 10; i < 31; ++i) policy.model_catalog["model-" + std::to_string(i)].image = "i";
  const auto spec = resolve(job("unheard-of"), policy);
  ASSERT_FALSE(spec);
  EXPECT_THAT(spec.error().front().expected, HasSubstr("model-29, ..."));
  EXPECT_THAT(spec.error().front().expected, Not(HasSubstr("model-30")));
}

TEST(Resolve, SaysThatTheCatalogueIsEmpty) {
  const auto spec = resolve(job("mnist"), Policy{});
  ASSERT_FALSE(spec);
  EXPECT_THAT(spec.error().front().expected, HasSubstr("empty"));
}

}  // namespace
}  // namespace oppen::plan
