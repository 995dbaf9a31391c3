// What a batch would do: it goes behind its own priority, its jobs may wait for each other and for others, and the delay of those that wait
// already is the batch's doing alone.
#include "scheduler/plan/simulate.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "stepping.hpp"

namespace oppen::plan {
namespace {

using std::chrono::seconds;

Waiting job(Priority priority, float length, float spread = 0) {
  Waiting job;
  job.priority = priority;
  job.amounts = {1, 1, 1000, 1 << 30};
  job.p50_seconds = length;
  job.spread = spread;
  return job;
}

View one_slot(std::span<const Waiting> waiting) {
  View view;
  view.now = Time(std::chrono::hours(480'000));
  view.capacity.max_concurrent_jobs = 1;
  view.waiting = waiting;
  return view;
}

TEST(Simulate, TheBatchGoesBehindItsPriority) {
  const std::vector<Waiting> waiting{job(Priority::urgent, 10), job(Priority::normal, 10),
                                     job(Priority::background, 10)};
  const auto view = one_slot(waiting);
  const auto simulation =
      simulate(view, std::vector{job(Priority::background, 5), job(Priority::urgent, 7)}, {});
  ASSERT_EQ(simulation.batch.size(), 2U);
  EXPECT_EQ(simulation.batch[0].start_p50, view.now + seconds(37));
  EXPECT_EQ(simulation.batch[1].start_p50, view.now + seconds(10));
  EXPECT_EQ(simulation.batch[1].end_p50, view.now + seconds(17));
  EXPECT_EQ(simulation.delayed, 2U);
  EXPECT_EQ(simulation.mean_delay_seconds, 7);
  EXPECT_EQ(simulation.longest_delay_seconds, 7);
  EXPECT_EQ(simulation.longest_delayed, 1U);
}

TEST(Simulate, DependenciesMoveAlong) {
  std::vector<Waiting> waiting{job(Priority::normal, 10), job(Priority::background, 20)};
  waiting[0].dependencies = 1;  // waits for the one behind it
  const std::vector<std::uint32_t> dependencies{1};
  auto view = one_slot(waiting);
  view.capacity.max_concurrent_jobs = 10;
  view.dependencies = dependencies;
  std::vector<Waiting> batch{job(Priority::urgent, 5), job(Priority::urgent, 5)};
  batch[0].dependencies = 2;
  batch[0].first_dependency = 0;
  const std::vector<std::uint32_t> of_batch{0, 3};  // the first that waits, the batch's second
  const auto simulation = simulate(view, batch, of_batch);
  EXPECT_EQ(simulation.batch[1].start_p50, view.now);
  EXPECT_EQ(simulation.batch[0].start_p50, view.now + seconds(30));
  EXPECT_EQ(simulation.delayed, 0U);
}

TEST(Simulate, ABackgroundBatchDelaysNobodyHoweverUncertainTheRunsAre) {
  const std::vector<Waiting> waiting(300, job(Priority::normal, 100, 0.8F));
  auto view = one_slot(waiting);
  view.capacity.max_concurrent_jobs = 4;
  const std::vector<Waiting> background(50, job(Priority::background, 1000, 0.8F));
  EXPECT_EQ(simulate(view, background, {}).delayed, 0U);
  const std::vector<Waiting> urgent(50, job(Priority::urgent, 1000, 0.8F));
  EXPECT_EQ(simulate(view, urgent, {}).delayed, 300U);
}

// The same as submitting it.
TEST(Simulate, SaysWhatTheMergedQueueWouldDo) {
  constexpr unsigned seed = 20260110;
  std::mt19937 random(seed);
  for (int round = 0; round < 50; ++round) {
    SCOPED_TRACE(testing::Message() << "seed " << seed << " round " << round);
    RandomQueue queue(random, 40, 0);
    queue.view.backfill = round % 2 == 0;
    RandomQueue batch(random, 15, 0);
    const auto simulation = simulate(queue.view, batch.waiting, {});
    std::vector<Waiting> merged = queue.waiting;
    merged.insert(merged.end(), batch.waiting.begin(), batch.waiting.end());
    std::vector<std::size_t> order(merged.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return merged[a].priority < merged[b].priority;
    });
    std::vector<Waiting> ordered;
    ordered.reserve(order.size());
    for (const auto i : order) ordered.push_back(merged[i]);
    auto view = queue.view;
    view.waiting = ordered;
    const auto expected = project(view, 0, ordered.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (order[i] < queue.waiting.size()) continue;
      EXPECT_EQ(simulation.batch[order[i] - queue.waiting.size()].start_p50, expected[i].start_p50);
    }
  }
}

}  // namespace
}  // namespace oppen::plan
