// Backfill: a job passes a blocked head only if that can't delay the head, by enforced run times; and a held job stands in nobody's way,
// with backfill and without.
#include <gmock/gmock.h>

#include "scheduler/plan/decide.hpp"

namespace oppen::plan {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

const Time now{std::chrono::hours(24)};

WaitingJob job(std::int64_t gpus, std::int64_t max_runtime) {
  return {Priority::normal, {1, gpus, 1000, 1 << 30}, false, max_runtime};
}

// Four GPUs, of which an attempt takes three until 100 s from now.
struct Busy {
  Capacity capacity;
  std::vector<LiveAttempt> live;
  Busy() {
    capacity.max_concurrent_jobs = 10;
    capacity.quotas = {{"q", "", {{"gpus", 4}}, {}}};
    run(3, 100);
  }
  void run(std::int64_t gpus, std::int64_t ends_in) {
    live.push_back({Priority::normal, {1, gpus, 1000, 1 << 30}, now + seconds(ends_in)});
    capacity.ours[1] += live.back().amounts;
  }
  Choice decide(const std::vector<WaitingJob>& jobs, bool backfill = true) const {
    return plan::decide(jobs, live, capacity, now, backfill);
  }
};

TEST(Backfill, ReservesTheHeadFromEnforcedEnds) {
  const auto choice = Busy().decide({job(4, 50)});
  EXPECT_THAT(choice.launch, IsEmpty());
  EXPECT_EQ(choice.head, 0U);
  EXPECT_EQ(choice.reserved_at, now + seconds(100));
  ASSERT_TRUE(choice.block);
  EXPECT_EQ(choice.block->sentence, "waits for quota q: needs 4 gpus, 1 gpu free");
}

TEST(Backfill, WhoEndsBeforeTheReservationPasses) {
  EXPECT_THAT(Busy().decide({job(4, 50), job(1, 101), job(1, 100)}).launch, ElementsAre(2));
}

TEST(Backfill, WhoTakesOnlyWhatTheHeadLeavesPasses) {
  // At 100 s the head leaves one GPU, once.
  EXPECT_THAT(Busy().decide({job(3, 50), job(1, 9999)}).launch, ElementsAre(1));
  Busy busy;
  busy.capacity.quotas[0].hard["gpus"] = 5;
  EXPECT_THAT(busy.decide({job(4, 50), job(1, 9999), job(1, 9999)}).launch, ElementsAre(1));
  EXPECT_THAT(busy.decide({job(4, 50), job(1, 9999), job(1, 90)}).launch, ElementsAre(1, 2));
}

// Two attempts: the first end makes room for the head, as long as nothing else is charged. A pod that has ended is charged for a moment.
TEST(Backfill, ALateChargeDoesNotPutTheReservationOff) {
  Busy busy;
  busy.capacity.quotas[0].hard["gpus"] = 8;
  busy.run(4, 500);
  auto choice = busy.decide({job(4, 50), job(1, 9999)});
  EXPECT_EQ(choice.reserved_at, now + seconds(100));
  EXPECT_THAT(choice.launch, IsEmpty());
  busy.capacity.quotas[0].hard["gpus"] = 9;
  busy.capacity.quotas[0].used["gpus"] = 8;  // of which one has ended: 2 are free
  choice = busy.decide({job(5, 50), job(1, 9999), job(1, 99)});
  EXPECT_EQ(choice.reserved_at, now + seconds(100));
  EXPECT_THAT(choice.launch, ElementsAre(2)) << "the second would take what the head needs then";
}

TEST(Backfill, NobodyPassesWhereItIsOff) {
  EXPECT_THAT(Busy().decide({job(4, 50), job(1, 1)}, false).launch, IsEmpty());
}

TEST(Backfill, CountsWhatItLaunchesItself) {
  // The fourth GPU is free again at 50 s.
  const auto choice = Busy().decide({job(1, 50), job(1, 10), job(1, 10)});
  EXPECT_THAT(choice.launch, ElementsAre(0));
  EXPECT_EQ(choice.head, 1U);
  EXPECT_EQ(choice.reserved_at, now + seconds(50));
}

TEST(Backfill, AllThatEndTogetherCount) {
  Busy busy;
  busy.run(1, 100);
  busy.capacity.quotas[0].hard["gpus"] = 6;  // all are free at 100 s, and the head leaves three
  const auto choice = busy.decide({job(3, 50), job(2, 9999)});
  EXPECT_EQ(choice.reserved_at, now + seconds(100));
  EXPECT_THAT(choice.launch, ElementsAre(1));
}

TEST(Backfill, AnOverdueAttemptMayEndAtAnyMoment) {
  Busy busy;
  busy.live[0].ends_by = now - seconds(5);
  const auto choice = busy.decide({job(4, 50), job(1, 1)});
  EXPECT_EQ(choice.reserved_at, now);
  EXPECT_THAT(choice.launch, IsEmpty());
}

TEST(Backfill, WithoutABoundOnlyWhatTheHeadDoesNotNeedIsTaken) {
  Busy busy;
  busy.capacity.foreign["normal"] = {1, 1, 0, 0};  // somebody else's pod has the fourth GPU
  const auto choice = busy.decide({job(4, 50), job(1, 1), job(0, 9999)});
  EXPECT_FALSE(choice.reserved_at);
  EXPECT_THAT(choice.launch, ElementsAre(2));
  // Nor is an attempt without an enforced end a bound.
  Busy endless;
  endless.live[0].ends_by = Time::max();
  EXPECT_FALSE(endless.decide({job(4, 50), job(1, 1)}).reserved_at);
  EXPECT_THAT(endless.decide({job(4, 50), job(1, 1)}).launch, IsEmpty());
}

TEST(Backfill, StraysMayGoAtAnyMoment) {
  Busy busy;
  busy.capacity.max_concurrent_jobs = 2;
  busy.capacity.strays = 1;
  const auto choice = busy.decide({job(1, 50), job(0, 1)});
  EXPECT_THAT(choice.launch, IsEmpty());
  ASSERT_TRUE(choice.block);
  EXPECT_EQ(choice.block->sentence, "waits for a free slot (2 of 2 taken)");
  EXPECT_FALSE(choice.reserved_at) << "the end of the attempt is not what it waits for";
}

TEST(Backfill, LooksAtABoundedNumber) {
  std::vector<WaitingJob> jobs{job(4, 50)};
  for (std::size_t i = 0; i < backfill_candidates; ++i) jobs.push_back(job(2, 1));
  jobs.push_back(job(1, 1));
  EXPECT_THAT(Busy().decide(jobs).launch, IsEmpty());
  jobs.erase(jobs.begin() + 1);
  EXPECT_THAT(Busy().decide(jobs).launch, ElementsAre(backfill_candidates));
}

TEST(Decide, AHeldJobStandsInNobodysWay) {
  auto held = job(4, 50);
  held.held = true;
  const auto choice = Busy().decide({held, job(1, 500), held, job(4, 50)}, false);
  EXPECT_THAT(choice.launch, ElementsAre(1));
  EXPECT_EQ(choice.head, 3U);
  EXPECT_FALSE(Busy().decide({held}).head);
}

TEST(NeverFits, NamesTheLargestNode) {
  const std::vector<Amounts> nodes{{110, 4, 8000, 32LL << 30}, {110, 0, 64000, 8LL << 30}};
  const auto why = [&](Amounts amounts) {
    return never_fits(amounts, Priority::normal, {}, {}, nodes).value_or("fits");
  };
  EXPECT_EQ(why({1, 4, 8000, 32LL << 30}), "fits");
  EXPECT_EQ(why({1, 8, 1000, 1 << 30}), "needs 8 gpus, the largest node has 4 gpus");
  EXPECT_EQ(why({1, 1, 9000, 1 << 30}),
            "needs 1 gpu, 9 cpu and 1Gi memory together, which no node has");
  EXPECT_FALSE(never_fits({1, 99, 0, 0}, Priority::normal, {}, {}));
}

}  // namespace
}  // namespace oppen::plan
