// What a submission is told of its wait and its cost.
#include "scheduler/core/estimates.hpp"

#include <gtest/gtest.h>

namespace oppen::core {
namespace {

TEST(Estimates, NoWaitWhileSlotsAreFree) {
  EXPECT_EQ(estimate_wait_seconds({.position = 2,
                                   .queued_seconds = 60,
                                   .running_seconds = 60,
                                   .slots = 3,
                                   .free_slots = 2}),
            0);
}

TEST(Estimates, TheWorkAheadIsSharedOverTheSlots) {
  EXPECT_EQ(estimate_wait_seconds({.position = 3,
                                   .queued_seconds = 60,
                                   .running_seconds = 30,
                                   .slots = 3,
                                   .free_slots = 0}),
            30);
}

TEST(Estimates, SlotsAreWhatTheTightestQuotaAllows) {
  plan::Capacity capacity;
  capacity.max_concurrent_jobs = 3;
  capacity.quotas = {{"q", "", {{"gpus", 4}}, {}}, {"low", "background", {{"gpus", 2}}, {}}};
  EXPECT_EQ(slots_for({1, 2, 1000, 1}, Priority::normal, capacity), 2);
  EXPECT_EQ(slots_for({1, 1, 1000, 1}, Priority::normal, capacity), 3);
  EXPECT_EQ(slots_for({1, 2, 1000, 1}, Priority::background, capacity), 1);
}

// 4.1 minutes on one GPU and one core, before memory: 4.1/60 x (0.25 + 0.05) = $0.0205.
TEST(Estimates, CostOfAShortRun) {
  JobSpec spec;
  spec.resources = {1, std::nullopt, "", 1000, std::int64_t{0}};
  const auto midday = Time{std::chrono::hours{12}};
  EXPECT_EQ(estimate_cost(spec, midday, 4.1 * 60, pricing::CostModel{}).value, 20'500);
}

}  // namespace
}  // namespace oppen::core
