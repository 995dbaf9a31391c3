// What a projection says of single jobs: holds, windows and dependencies; what lies beyond what can be known is absent; and the same view
// gives the same answer.
#include "scheduler/plan/project.hpp"

#include <gtest/gtest.h>

namespace oppen::plan {
namespace {

using std::chrono::seconds;

struct Queue {
  std::vector<Running> running;
  std::vector<Waiting> waiting;
  std::vector<std::uint32_t> dependencies;
  std::vector<Window> off_peak;
  View view;

  explicit Queue(int slots) {
    view.now = Time(std::chrono::hours(480'000));
    view.capacity.max_concurrent_jobs = slots;
  }
  Waiting& add(float length, float spread = 0) {
    Waiting job;
    job.amounts = {1, 1, 1000, 1 << 30};
    job.p50_seconds = length;
    job.spread = spread;
    return waiting.emplace_back(job);
  }
  Waiting& after(std::vector<std::uint32_t> others) {
    auto& job = add(10);
    job.first_dependency = static_cast<std::uint32_t>(dependencies.size());
    job.dependencies = static_cast<std::uint16_t>(others.size());
    dependencies.insert(dependencies.end(), others.begin(), others.end());
    return job;
  }
  void run(float length, std::int64_t since, float spread = 0) {
    Running job;
    job.amounts = {1, 1, 1000, 1 << 30};
    job.p50_seconds = length;
    job.spread = spread;
    job.started_at = view.now - seconds(since);
    job.ends_by = Time::max();
    running.push_back(job);
    view.capacity.ours[1] += job.amounts;
  }
  std::vector<Expected> all() {
    view.running = running;
    view.waiting = waiting;
    view.dependencies = dependencies;
    view.off_peak = off_peak;
    return project(view, 0, waiting.size());
  }
  // Seconds from now, -1: absent.
  std::vector<double> starts() {
    std::vector<double> from_now;
    for (const auto& each : all())
      from_now.push_back(
          each.start_p50 ? std::chrono::duration<double>(*each.start_p50 - view.now).count() : -1);
    return from_now;
  }
};

using List = std::vector<double>;

TEST(Project, FollowsTheSlots) {
  Queue queue(2);
  queue.run(100, 60);
  queue.add(10);
  queue.add(50);
  queue.add(5);
  EXPECT_EQ(queue.starts(), (List{0, 10, 40}));
  EXPECT_EQ(queue.all()[2].end_p50, queue.view.now + seconds(45));
}

TEST(Project, HeldJobsStandInNobodysWay) {
  Queue queue(1);
  queue.add(10).not_before = queue.view.now + seconds(15);
  queue.add(10).hold = Hold::paused;
  queue.add(10);
  queue.add(10);
  queue.add(10);
  EXPECT_EQ(queue.starts(), (List{20, -1, 0, 10, 30}));
  queue.view.paused = true;
  EXPECT_EQ(queue.starts(), (List{-1, -1, -1, -1, -1}));
}

TEST(Project, APauseWithAnEndPutsEverythingOffUntilThen) {
  Queue queue(1);
  queue.add(10).not_before = queue.view.now + seconds(35);
  queue.add(10).not_before = queue.view.now + seconds(5);
  queue.add(10);
  queue.add(10).hold = Hold::budget;
  queue.run(40, 0);
  queue.view.paused = true;
  queue.view.paused_until = queue.view.now + seconds(30);
  EXPECT_EQ(queue.starts(), (List{40, 50, 60, -1}));
  queue.view.paused_until = queue.view.now + seconds(100);
  EXPECT_EQ(queue.starts(), (List{100, 110, 120, -1}));
  queue.view.paused_until = queue.view.now - seconds(1);
  EXPECT_EQ(queue.starts(), (List{40, 50, 60, -1}));
}

TEST(Project, AWindowThatClosesTooEarlyIsFollowedByTheNext) {
  Queue queue(1);
  queue.off_peak = {{queue.view.now + seconds(100), queue.view.now + seconds(115)},
                    {queue.view.now + seconds(200), queue.view.now + seconds(215)}};
  for (int i = 0; i < 6; ++i) queue.add(10).hold = Hold::window;
  // Two begin in each; what is known of windows ends then.
  EXPECT_EQ(queue.starts(), (List{100, 110, 200, 210, -1, -1}));
}

TEST(Project, WaitsForDependencies) {
  Queue queue(10);
  queue.run(100, 60);
  queue.add(25);        // 0
  queue.after({0, 5});  // 1: index 5 is what runs
  queue.after({1});     // 2
  queue.after({4});     // 3: its dependency stands behind it
  queue.after({0});     // 4
  EXPECT_EQ(queue.starts(), (List{0, 40, 50, 35, 25}));
  queue.waiting[0].hold = Hold::budget;
  EXPECT_EQ(queue.starts(), (List{-1, -1, -1, -1, -1}));
}

TEST(Project, NoRunOutlivesWhatIsEnforced) {
  Queue queue(1);
  queue.add(1000).max_runtime_seconds = 30;
  queue.add(1);
  EXPECT_EQ(queue.starts(), (List{0, 30}));
}

TEST(Project, WhatHasRunLongerThanExpectedIsExpectedToRunOn) {
  Queue queue(1);
  queue.run(100, 95, 0.5F);
  queue.add(1);
  const auto fresh = queue.starts()[0];
  queue.running[0].started_at = queue.view.now - seconds(1000);
  const auto overdue = queue.starts()[0];
  EXPECT_GT(fresh, 20);
  EXPECT_GT(overdue, fresh);
  queue.running[0].ends_by = queue.view.now + seconds(5);
  EXPECT_LE(queue.starts()[0], 5);
}

TEST(Project, WhatNothingCanMakeFitHasNoStart) {
  Queue queue(4);
  queue.view.capacity.quotas = {{"q", "", {{"gpus", 2}}, {}}};
  queue.view.capacity.foreign["normal"] = {1, 1, 0, 0};  // somebody else's
  queue.add(1).amounts.gpus = 2;
  queue.add(1);
  EXPECT_EQ(queue.starts(), (List{-1, -1}));
}

TEST(Project, StraysKeepNobodyForEver) {
  Queue queue(2);
  queue.view.capacity.strays = 2;
  queue.add(1);
  EXPECT_EQ(queue.starts(), (List{0}));
}

TEST(Project, TheSameViewGivesTheSameAnswer) {
  Queue queue(3);
  for (int i = 0; i < 200; ++i) queue.add(static_cast<float>(10 + i % 7), 0.7F);
  const auto once = queue.all();
  const auto again = queue.all();
  for (std::size_t i = 0; i < once.size(); ++i) {
    EXPECT_EQ(once[i].start_p50, again[i].start_p50);
    EXPECT_EQ(once[i].start_p90, again[i].start_p90);
    EXPECT_LE(*once[i].start_p50, *once[i].start_p90);
  }
  // A part of it says the same as the whole.
  const auto part = project(queue.view, 150, 200);
  ASSERT_EQ(part.size(), 50U);
  EXPECT_EQ(part[0].start_p90, once[150].start_p90);
}

// With backfill fewer paths are affordable: those are what both are told by.
TEST(Project, APolicyThatChangesNothingIsSeenToChangeNothing) {
  Queue queue(10);
  for (int i = 0; i < 1'000; ++i) queue.add(100, 0.5F);
  queue.all();
  auto with = queue.view;
  with.backfill = true;
  const auto [before, after] = project_both(queue.view, with);
  ASSERT_EQ(before.size(), 1'000U);
  ASSERT_EQ(after.size(), 1'000U);
  for (std::size_t i = 0; i < before.size(); ++i)
    ASSERT_EQ(before[i].start_p50, after[i].start_p50) << i;
  EXPECT_EQ(project(with, 0, 1'000).back().start_p50, after.back().start_p50);
  EXPECT_TRUE(project_both(View{}, View{}).first.empty());
}

TEST(Project, APartBeyondTheQueueIsEmpty) {
  Queue queue(1);
  queue.add(1);
  queue.all();
  EXPECT_TRUE(project(queue.view, 1, 5).empty());
  EXPECT_EQ(project(queue.view, 0, 5).size(), 1U);
}

TEST(Project, AnAttemptHoldsItsRoomForItsOverheadToo) {
  Queue queue(1);
  queue.run(100, 40);
  queue.add(20);
  queue.add(20);
  queue.view.overhead.p50_seconds = 5;
  EXPECT_EQ(queue.starts(), (std::vector<double>{60, 85}))
      << "what runs has its overhead behind it";
  const auto first = queue.all().front();
  EXPECT_EQ(*first.end_p50, *first.start_p50 + seconds(25));
}

TEST(Project, WhatIsBeingLaunchedHasTheRestOfItsOverheadBeforeIt) {
  Queue queue(1);
  queue.run(100, 0);
  queue.running.front().launched_at = queue.view.now - seconds(3);
  queue.add(20);
  queue.view.overhead.p50_seconds = 5;
  EXPECT_EQ(queue.starts(), (std::vector<double>{102}));
}

}  // namespace
}  // namespace oppen::plan
