// What is launched next: strict order, never above a slot or a quota, never an idle slot that the head could use; and the reason that the
// head waits names what it waits for.
#include "scheduler/plan/decide.hpp"

#include <gmock/gmock.h>

#include <random>

namespace oppen::plan {
namespace {

using testing::HasSubstr;

Amounts gpus(std::int64_t count) { return {1, count, 1000, 1 << 30}; }

Capacity roomy(int slots) {
  Capacity capacity;
  capacity.max_concurrent_jobs = slots;
  return capacity;
}

Quota quota(std::string name, std::string scope, std::map<std::string, std::int64_t> hard) {
  return {std::move(name), std::move(scope), std::move(hard), {}};
}

TEST(Decide, LaunchesInOrderUntilTheSlotsAreTaken) {
  const auto decision = decide(
      {{Priority::urgent, gpus(1)}, {Priority::normal, gpus(1)}, {Priority::normal, gpus(1)}},
      roomy(2));
  EXPECT_EQ(decision.launch, 2U);
  ASSERT_TRUE(decision.block);
  EXPECT_EQ(decision.block->sentence, "waits for a free slot (2 of 2 taken)");
}

TEST(Decide, NothingOvertakesABlockedHead) {
  auto capacity = roomy(10);
  capacity.quotas = {quota("q", "", {{"gpus", 2}})};
  const auto decision = decide(
      {{Priority::urgent, gpus(1)}, {Priority::urgent, gpus(2)}, {Priority::normal, gpus(1)}},
      capacity);
  EXPECT_EQ(decision.launch, 1U);
  ASSERT_TRUE(decision.block);
  EXPECT_EQ(decision.block->sentence, "waits for quota q: needs 2 gpus, 1 gpu free");
}

TEST(Decide, AScopedQuotaBindsItsPriorityAlone) {
  auto capacity = roomy(10);
  capacity.quotas = {quota("background", "background", {{"gpus", 1}})};
  capacity.ours[static_cast<std::size_t>(Priority::background)] = gpus(1);
  EXPECT_FALSE(why_not(gpus(4), Priority::urgent, capacity));
  EXPECT_TRUE(why_not(gpus(1), Priority::background, capacity));
  EXPECT_FALSE(why_not(gpus(0), Priority::background, capacity));
}

TEST(Decide, OthersPodsTakeQuotaButNoSlot) {
  auto capacity = roomy(1);
  capacity.quotas = {quota("q", "", {{"gpus", 2}})};
  capacity.foreign["normal"] = gpus(2);
  const auto block = why_not(gpus(1), Priority::normal, capacity);
  ASSERT_TRUE(block);
  EXPECT_EQ(block->reason, Block::Reason::quota);
  EXPECT_EQ(block->free, 0);
  EXPECT_FALSE(why_not(gpus(0), Priority::normal, capacity));
}

TEST(Decide, AStrayTakesASlot) {
  auto capacity = roomy(2);
  capacity.strays = 1;
  EXPECT_FALSE(why_not(gpus(1), Priority::normal, capacity));
  capacity.ours[0] = gpus(1);
  const auto block = why_not(gpus(1), Priority::normal, capacity);
  ASSERT_TRUE(block);
  EXPECT_EQ(block->sentence, "waits for a free slot (2 of 2 taken)");
}

TEST(Decide, WaitsForWhatTheApiServerStillCharges) {
  auto capacity = roomy(3);
  capacity.quotas = {quota("q", "", {{"gpus", 2}})};
  capacity.quotas[0].used = {{"gpus", 2}};  // of pods that have just ended
  EXPECT_TRUE(why_not(gpus(1), Priority::normal, capacity));
  capacity.quotas[0].used = {{"gpus", 1}};
  EXPECT_FALSE(why_not(gpus(1), Priority::normal, capacity));
}

TEST(NeverFits, NamesTheBound) {
  const std::vector<Quota> quotas{quota("ml-training-quota", "", {{"gpus", 2}})};
  const auto why = never_fits(gpus(3), Priority::normal, quotas, {});
  ASSERT_TRUE(why);
  EXPECT_EQ(*why, "needs 3 gpus, quota ml-training-quota allows 2 gpus in all");
  PodLimits limits;
  limits.cpu_millicores = 500;
  EXPECT_THAT(never_fits(gpus(1), Priority::normal, quotas, limits).value_or(""),
              HasSubstr("allows a pod 500m cpu"));
  EXPECT_FALSE(never_fits(gpus(2), Priority::normal, quotas, {}));
}

// For random queues: what is launched fits together, and if anything is left, the first of it does not fit on top.
TEST(Decide, FillsExactlyAsFarAsTheHeadAllows) {
  std::mt19937 random(20260103);
  const auto up_to = [&](int max) {
    return static_cast<std::int64_t>(random() % static_cast<unsigned>(max + 1));
  };
  for (int round = 0; round < 2000; ++round) {
    auto capacity = roomy(1 + static_cast<int>(up_to(8)));
    capacity.quotas = {quota("all", "", {{"gpus", up_to(8)}, {"pods", 1 + up_to(10)}}),
                       quota("low", "background", {{"gpus", up_to(3)}})};
    std::vector<WaitingJob> jobs;
    for (int i = 0; i < 12; ++i) jobs.push_back({all_priorities[up_to(2)], gpus(up_to(3))});

    const auto decision = decide(jobs, capacity);

    auto filled = capacity;
    for (std::size_t i = 0; i < decision.launch; ++i) {
      EXPECT_FALSE(why_not(jobs[i].amounts, jobs[i].priority, filled))
          << "round " << round << " job " << i;
      filled.ours[static_cast<std::size_t>(jobs[i].priority)] += jobs[i].amounts;
    }
    EXPECT_LE(filled.taken_slots(), capacity.max_concurrent_jobs);
    ASSERT_EQ(decision.block.has_value(), decision.launch < jobs.size()) << "round " << round;
    if (decision.block) {
      const auto& next = jobs[decision.launch];
      EXPECT_TRUE(why_not(next.amounts, next.priority, filled)) << "round " << round;
    }
  }
}

}  // namespace
}  // namespace oppen::plan
