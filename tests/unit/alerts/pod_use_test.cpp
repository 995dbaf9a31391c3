// How pods use their GPUs.
#include "tests/unit/alerts/at.hpp"

namespace oppen::anomaly {
namespace {

using testing::HasSubstr;

class PodUseTest : public testing::Test {
 protected:
  void use(double percent, std::chrono::seconds from, std::chrono::seconds until,
           const std::string& uuid = "gpu-1") {
    auto sample = sample_of(uuid, percent);
    sample.pod = "job-1";
    sample.pod_namespace = "ml";
    sample.job_id = "job";
    sample.attempt = 1;
    for (auto second = from; second < until; second += 10s) rule_.tell(sample, at(second));
  }
  void charge(std::int64_t amount, std::chrono::seconds from) {
    CostAccrued cost;
    cost.job_id = "job";
    cost.attempt = 1;
    cost.pod = "job-1";
    cost.pod_namespace = "ml";
    cost.interval_start = at(from);
    cost.interval_end = at(from + 30s);
    cost.total = {amount};
    rule_.tell(cost, at(from + 30s));
  }
  Told rule_{pod_use()};
};

TEST_F(PodUseTest, UnderTheThresholdOfThePolicyWithHysteresis) {
  rule_.tell(change_of("job", 1, JobChange::What::queued), at(0s));
  use(20, 0s, 20min);
  const auto found = rule_.look(at(20min), "gpu_underutilized");
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->holds);
  EXPECT_EQ(found->labels.at("team"), "vision");
  EXPECT_EQ(found->labels.at("node"), "node-1");
  EXPECT_THAT(found->summary, HasSubstr("uses its GPUs at 20 %: expected at least 30 %"));
  EXPECT_FALSE(rule_.look(at(20min), "gpu_idle_held")->holds);
  use(33, 20min, 60min);
  EXPECT_TRUE(rule_.holds(at(60min), "gpu_underutilized"));
  use(40, 60min, 100min);
  EXPECT_FALSE(rule_.holds(at(100min), "gpu_underutilized"));

  PolicyChanged policy;
  policy.scheduling_policies = {{"gpu_utilization_threshold_min", "50"}};
  rule_.tell(policy, at(100min));
  EXPECT_TRUE(rule_.holds(at(100min), "gpu_underutilized"));
}

TEST_F(PodUseTest, WhatIsNotHeardIsNotIdle) {
  use(0, 0s, 4min);
  EXPECT_TRUE(rule_.look(at(4min)).empty()) << "the first minutes say nothing";
  use(0, 4min, 20min);
  EXPECT_TRUE(rule_.holds(at(20min), "gpu_idle_held"));
  EXPECT_TRUE(rule_.look(at(30min)).empty()) << "nothing came for ten minutes";
  use(60, 30min, 34min);
  EXPECT_TRUE(rule_.look(at(34min)).empty()) << "it begins anew";
  use(60, 34min, 40min);
  EXPECT_FALSE(rule_.holds(at(40min), "gpu_idle_held"));
}

TEST_F(PodUseTest, TheMeanOfAllItsGpus) {
  use(0, 0s, 20min, "gpu-1");
  use(90, 0s, 20min, "gpu-2");
  EXPECT_FALSE(rule_.holds(at(20min), "gpu_underutilized"));
  EXPECT_NEAR(*rule_.look(at(20min), "gpu_underutilized")->actual, 45, 1);
}

TEST_F(PodUseTest, FullAndItsEnd) {
  rule_.tell(change_of("job", 1, JobChange::What::queued), at(0s));
  use(99, 0s, 20min);
  EXPECT_TRUE(rule_.holds(at(20min), "gpu_saturated"));
  rule_.restart(pod_use());
  EXPECT_TRUE(rule_.holds(at(20min), "gpu_saturated"));
  rule_.tell(change_of("job", 2, JobChange::What::ended), at(20min));
  const auto over = rule_.look(at(21min), "gpu_saturated");
  ASSERT_TRUE(over);
  EXPECT_FALSE(over->holds);
}

TEST_F(PodUseTest, AnotherOneOfThatNameIsJudgedAnew) {
  use(99, 0s, 20min);
  rule_.tell(change_of("job", 1, JobChange::What::ended), at(20min));
  EXPECT_FALSE(rule_.holds(at(21min), "gpu_saturated"));
  rule_.tell(change_of("job", 2, JobChange::What::launched), at(22min));
  use(0, 22min, 40min);
  EXPECT_TRUE(rule_.holds(at(40min), "gpu_idle_held"));
}

TEST_F(PodUseTest, AGpuThatItHoldsNoMoreIsNotCounted) {
  use(0, 0s, 10min, "gpu-1");
  use(0, 0s, 30min, "gpu-2");
  EXPECT_THAT(rule_.look(at(10min), "gpu_idle_held")->summary, HasSubstr("holds 2 GPUs"));
  EXPECT_THAT(rule_.look(at(30min), "gpu_idle_held")->summary, HasSubstr("holds a GPU"));
}

TEST_F(PodUseTest, WastefulAboveTenCentsAnHour) {
  use(20, 0s, 20min);
  charge(800, 19min);  // $0.096 an hour
  EXPECT_FALSE(rule_.holds(at(20min), "wasteful_pod"));
  charge(2'500, 20min);  // $0.30
  EXPECT_TRUE(rule_.holds(at(21min), "wasteful_pod"));
  charge(2'500, 21min);
  const auto found = rule_.look(at(21min), "wasteful_pod");
  EXPECT_EQ(found->impact->value, 2'000);
  EXPECT_THAT(found->summary, HasSubstr("costs $0.3000 an hour and uses its GPUs at 20 %"));
}

}  // namespace
}  // namespace oppen::anomaly
