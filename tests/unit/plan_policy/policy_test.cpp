// Proves that the ConfigMap `scheduling-policies` is read whole, that its defaults are the
// contract's, and that every fault is found at once and named with its key, its value and what was
// expected.
#include "scheduler/plan/policy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

namespace oppen::plan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

FieldError fault_of(const std::string& key, const std::string& value) {
  const auto policy = parse_policy({{key, value}});
  EXPECT_FALSE(policy) << key << " = " << value;
  if (policy || policy.error().size() != 1) return {};
  return policy.error().front();
}

TEST(Policy, OfAnEmptyConfigMapIsTheDefault) {
  const auto policy = parse_policy({});
  ASSERT_TRUE(policy);
  EXPECT_EQ(policy->max_concurrent_jobs, 3);
  EXPECT_EQ(policy->default_priority, Priority::normal);
  EXPECT_EQ(policy->default_max_runtime_seconds, 86'400);
  EXPECT_FALSE(policy->backfill_enabled);
  EXPECT_TRUE(policy->model_catalog.empty());
}

TEST(Policy, ReadsEveryKey) {
  const auto policy = parse_policy({{"max_concurrent_jobs", "12"},
                                    {"gpu_utilization_threshold_min", "20"},
                                    {"gpu_utilization_threshold_max", "95"},
                                    {"gpu_utilization_target", "80"},
                                    {"default_priority", "background"},
                                    {"default_max_runtime_seconds", "3600"},
                                    {"backfill_enabled", "true"},
                                    {"preemption_enabled", "true\n"},
                                    {"model_catalog", R"({"mnist":{"image":"registry/mnist:1"}})"},
                                    {"gpu_products", R"({"A100":"NVIDIA-A100-SXM4-40GB"})"},
                                    {"default_epochs", "3"},
                                    {"default_batch_size", "32"},
                                    {"launch_timeout_seconds", "120"},
                                    {"node_lost_after_seconds", "60"},
                                    {"finished_pod_ttl_seconds", "0"},
                                    {"cancel_grace_seconds", "5"},
                                    {"max_batch_jobs", "500"},
                                    {"max_jobs_per_user", "40"},
                                    {"queue_paused", "true"}});
  ASSERT_TRUE(policy) << sentences(policy.error());
  EXPECT_EQ(policy->max_concurrent_jobs, 12);
  EXPECT_EQ(policy->gpu_utilization_threshold_min, 20);
  EXPECT_EQ(policy->gpu_utilization_threshold_max, 95);
  EXPECT_EQ(policy->gpu_utilization_target, 80);
  EXPECT_EQ(policy->default_priority, Priority::background);
  EXPECT_EQ(policy->default_max_runtime_seconds, 3'600);
  EXPECT_TRUE(policy->backfill_enabled);
  EXPECT_TRUE(policy->preemption_enabled);
  EXPECT_EQ(policy->model_catalog.at("mnist").image, "registry/mnist:1");
  EXPECT_THAT(policy->gpu_products, ElementsAre(Pair("A100", "NVIDIA-A100-SXM4-40GB")));
  EXPECT_EQ(policy->default_epochs, 3);
  EXPECT_EQ(policy->default_batch_size, 32);
  EXPECT_EQ(policy->launch_timeout_seconds, 120);
  EXPECT_EQ(policy->node_lost_after_seconds, 60);
  EXPECT_EQ(policy->finished_pod_ttl_seconds, 0);
  EXPECT_EQ(policy->cancel_grace_seconds, 5);
  EXPECT_EQ(policy->max_batch_jobs, 500);
  EXPECT_EQ(policy->max_jobs_per_user, 40);
  EXPECT_TRUE(policy->queue_paused);
}

TEST(Policy, KnowsItsKeys) {
  for (const char* key : {"max_concurrent_jobs", "gpu_utilization_target", "model_catalog",
                          "gpu_products", "queue_paused"}) {
    EXPECT_TRUE(is_policy_key(key)) << key;
  }
  for (const char* key : {"", "max_jobs", "spot_multiplier"})
    EXPECT_FALSE(is_policy_key(key)) << key;
}

TEST(Policy, NamesKeyValueAndExpectation) {
  EXPECT_EQ(fault_of("max_concurrent_jobs", "0").sentence(),
            "max_concurrent_jobs is \"0\": expected a whole number from 1 to 100000");
}

TEST(Policy, RefusesBadValues) {
  for (const char* value : {"", "three", "-1", "3.0", "0x3", "3 4", "99999999999999999999"}) {
    EXPECT_EQ(fault_of("max_concurrent_jobs", value).path, "max_concurrent_jobs") << value;
  }
  EXPECT_EQ(fault_of("default_priority", "high").expected, "urgent, normal or background");
  EXPECT_EQ(fault_of("backfill_enabled", "yes").expected, "true or false");
  EXPECT_EQ(fault_of("default_max_runtime_seconds", "31536001").path,
            "default_max_runtime_seconds");
  EXPECT_EQ(fault_of("launch_timeout_seconds", "0").path, "launch_timeout_seconds");
  EXPECT_EQ(fault_of("gpu_products", R"({"A100":"no label value"})").path, "gpu_products.A100");
  EXPECT_EQ(fault_of("gpu_products", R"({"A100":7})").value, "7");
  EXPECT_EQ(fault_of("gpu_products", "A100").path, "gpu_products");
}

TEST(Policy, TargetLiesBetweenTheThresholds) {
  EXPECT_THAT(fault_of("gpu_utilization_target", "91").expected,
              HasSubstr("gpu_utilization_threshold_max (90)"));
  EXPECT_EQ(fault_of("gpu_utilization_threshold_min", "71").path, "gpu_utilization_target");
  EXPECT_EQ(fault_of("gpu_utilization_threshold_max", "101").path, "gpu_utilization_threshold_max");
}

TEST(Policy, RefusesUnknownKeys) {
  const FieldError error = fault_of("max_concurent_jobs", "3");
  EXPECT_EQ(error.path, "max_concurent_jobs");
  EXPECT_THAT(error.expected, HasSubstr("max_concurrent_jobs"));
}

TEST(Policy, FindsEveryFaultAtOnce) {
  const auto policy = parse_policy({{"default_priority", "high"},
                                    {"max_batch_jobs", "0"},
                                    {"model_catalog", R"({"a":{"image":""},"b":7})"},
                                    {"typo", "1"}});
  ASSERT_FALSE(policy);
  EXPECT_EQ(policy.error().size(), 5U) << sentences(policy.error());
}

}  // namespace
}  // namespace oppen::plan
