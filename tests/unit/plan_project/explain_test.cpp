// Each reason to wait, with the job, amount or time that it names; and a job that would be launched has none.
#include <gmock/gmock.h>

#include "scheduler/plan/project.hpp"

namespace oppen::plan {
namespace {

using Kind = Reason::Kind;
using std::chrono::seconds;

// Two slots and four GPUs; one attempt has a slot and three GPUs until 100 s from now.
struct Queue {
  std::vector<Running> running;
  std::vector<Waiting> waiting;
  std::vector<std::uint32_t> dependencies;
  std::vector<Window> off_peak;
  View view;

  Queue() {
    view.now = *parse_rfc3339("2026-01-03T12:00:00Z");
    view.capacity.max_concurrent_jobs = 2;
    view.capacity.quotas = {{"q", "", {{"gpus", 4}}, {}}};
    Running job;
    job.amounts = {1, 3, 1000, 1 << 30};
    job.p50_seconds = 50;
    job.started_at = view.now;
    job.ends_by = view.now + seconds(100);
    view.capacity.ours[1] += job.amounts;
    running.push_back(job);
  }

  Waiting& add(std::int64_t gpus, std::uint32_t max_runtime = 1000) {
    Waiting job;
    job.amounts = {1, gpus, 1000, 1 << 30};
    job.p50_seconds = 10;
    job.max_runtime_seconds = max_runtime;
    return waiting.emplace_back(job);
  }

  std::optional<Reason> why(std::size_t index) {
    view.running = running;
    view.waiting = waiting;
    view.dependencies = dependencies;
    view.off_peak = off_peak;
    return explain(view, index, [&](std::size_t i) {
      return i < waiting.size() ? "w" + std::to_string(i)
                                : "r" + std::to_string(i - waiting.size());
    });
  }
};

TEST(Explain, WhatIsLaunchedNextHasNoReason) {
  Queue queue;
  queue.add(1);
  EXPECT_FALSE(queue.why(0));
}

TEST(Explain, AStrayTakesASlot) {
  Queue queue;
  queue.view.capacity.strays = 1;
  queue.add(1);
  ASSERT_TRUE(queue.why(0));
  EXPECT_EQ(queue.why(0)->sentence(), "waits for a free slot (2 of 2 taken)");
}

TEST(Explain, TheHeadNamesTheQuotaOrTheSlots) {
  Queue queue;
  queue.add(2);
  auto reason = queue.why(0);
  ASSERT_TRUE(reason);
  EXPECT_EQ(reason->kind, Kind::quota);
  EXPECT_EQ(reason->sentence(), "waits for quota q: needs 2 gpus, 1 gpu free");
  EXPECT_EQ(reason->need, 2);
  EXPECT_EQ(reason->free, 1);

  queue.view.capacity.max_concurrent_jobs = 1;
  reason = queue.why(0);
  ASSERT_TRUE(reason);
  EXPECT_EQ(reason->kind, Kind::waiting_for_slot);
  EXPECT_EQ(reason->sentence(), "waits for a free slot (1 of 1 taken)");
}

TEST(Explain, AQuotaThatWasLoweredIsNamedByWhoeverNeedsMore) {
  Queue queue;
  queue.add(1);
  queue.add(6);
  queue.add(2);
  queue.add(5).hold = Hold::window;
  const auto head = queue.why(1);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->kind, Kind::quota);
  EXPECT_EQ(head->allowed, 4);
  EXPECT_EQ(head->sentence(),
            "waits until quota q is raised: needs 6 gpus, it allows 4 gpus in all");
  EXPECT_EQ(queue.why(2)->sentence(),
            "waits behind 1 job; the next one, w1, waits until quota q is raised: needs 6 gpus, it "
            "allows 4 gpus in all");
  EXPECT_EQ(queue.why(3)->kind, Kind::quota) << "the window would not help it";
  queue.view.paused = true;
  EXPECT_EQ(queue.why(1)->kind, Kind::quota);
  queue.view.capacity.quotas[0].hard["gpus"] = 6;
  EXPECT_EQ(queue.why(1)->kind, Kind::paused);

  Queue full;
  full.view.capacity.max_concurrent_jobs = 1;
  full.add(5);
  full.add(1);
  EXPECT_EQ(full.why(1)->because, full.why(0)->sentence()) << "a free slot would not help it";
}

TEST(Explain, OthersNameTheHeadAndHowManyAreBefore) {
  Queue queue;
  queue.add(1);                      // is launched
  queue.add(9).hold = Hold::budget;  // stands in nobody's way
  queue.add(1);                      // the head: the slots are taken then
  queue.add(1);
  queue.add(1);
  const auto reason = queue.why(4);
  ASSERT_TRUE(reason);
  EXPECT_EQ(reason->kind, Kind::behind);
  EXPECT_EQ(reason->job, "w2");
  EXPECT_EQ(reason->count, 2);
  EXPECT_EQ(reason->sentence(),
            "waits behind 2 jobs; the next one, w2, waits for a free slot (2 of 2 taken)");
}

TEST(Explain, WithBackfillTheReservationIsNamed) {
  Queue queue;
  queue.view.backfill = true;
  queue.add(4);
  queue.add(1, 1000);
  queue.add(2, 1);
  queue.add(1, 100);
  const auto reserved = queue.why(1);
  ASSERT_TRUE(reserved);
  // The third one behind the head is launched, and takes the GPU that was free.
  EXPECT_FALSE(queue.why(3));
  EXPECT_EQ(reserved->kind, Kind::behind);
  queue.waiting.pop_back();
  const auto now_reserved = queue.why(1);
  ASSERT_TRUE(now_reserved);
  EXPECT_EQ(now_reserved->kind, Kind::reserved_for);
  EXPECT_EQ(now_reserved->job, "w0");
  EXPECT_EQ(now_reserved->until, queue.view.now + seconds(100));
  ASSERT_TRUE(queue.why(2));
  EXPECT_EQ(queue.why(2)->kind, Kind::behind);
}

TEST(Explain, WhatHoldsAJobIsNamedWhereverItStands) {
  Queue queue;
  queue.add(4);
  queue.dependencies = {0, 6, 2};
  auto& depends = queue.add(1);
  depends.first_dependency = 1;
  depends.dependencies = 2;
  queue.add(1).not_before = queue.view.now + seconds(60);
  queue.add(1).hold = Hold::window;
  queue.add(1).hold = Hold::budget;
  queue.add(1).hold = Hold::paused;

  auto reason = queue.why(1);
  ASSERT_TRUE(reason);
  EXPECT_EQ(reason->kind, Kind::depends_on);
  EXPECT_EQ(reason->job, "r0");
  EXPECT_EQ(reason->count, 2);

  reason = queue.why(2);
  ASSERT_TRUE(reason);
  EXPECT_EQ(reason->kind, Kind::retry_hold);
  EXPECT_EQ(reason->until, queue.view.now + seconds(60));

  reason = queue.why(3);  // no window is known
  ASSERT_TRUE(reason);
  EXPECT_EQ(reason->kind, Kind::window);
  EXPECT_FALSE(reason->until);
  queue.off_peak = {{queue.view.now - seconds(20), queue.view.now},
                    {queue.view.now + seconds(20), queue.view.now + seconds(30)}};
  EXPECT_EQ(queue.why(3)->until, queue.view.now + seconds(20));
  queue.off_peak[1].opens = queue.view.now;  // it is open
  EXPECT_EQ(queue.why(3)->kind, Kind::behind);

  EXPECT_EQ(queue.why(4)->kind, Kind::budget_hold);
  EXPECT_EQ(queue.why(5)->kind, Kind::paused);
  queue.view.paused = true;
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(queue.why(i)->kind, Kind::paused);
  EXPECT_FALSE(queue.why(0)->until);
  queue.view.paused_until = queue.view.now + seconds(60);
  EXPECT_EQ(queue.why(0)->until, queue.view.now + seconds(60));
}

}  // namespace
}  // namespace oppen::plan
