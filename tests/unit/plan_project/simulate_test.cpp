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

// One of which a part has been played through already is told of as one that is played through whole.
TEST(Simulate, WhatHasBeenPlayedThroughCounts) {
  std::vector<Waiting> waiting;
  for (int i = 0; i < 4'000; ++i) {
    waiting.push_back(
        job(i < 1'000 ? Priority::urgent : Priority::normal, static_cast<float>(10 + i % 7), 0.4F));
    if (i % 50 == 0) waiting.back().hold = Hold::window;
    if (i % 90 == 0) {
      waiting.back().hold = Hold::retry;
      waiting.back().not_before = one_slot({}).now + seconds(100 * i);
    }
  }
  std::vector<Running> running(3);
  for (auto& attempt : running) {
    attempt.amounts = {1, 1, 1000, 1 << 30};
    attempt.p50_seconds = 500;
    attempt.spread = 0.3F;
    attempt.launched_at = attempt.started_at = one_slot({}).now - seconds(20);
    attempt.ends_by = Time::max();
  }
  std::vector<Window> windows{
      {one_slot({}).now + seconds(900), one_slot({}).now + seconds(2'900)},
      {one_slot({}).now + seconds(8'000), one_slot({}).now + seconds(9'000)}};
  auto view = one_slot(waiting);
  view.capacity.max_concurrent_jobs = 5;
  view.capacity.ours[static_cast<std::size_t>(Priority::normal)] = {3, 3, 3000,
                                                                    std::int64_t{3} << 30};
  view.overhead = {3, 0.5, 0.1};
  view.running = running;
  view.off_peak = windows;
  std::vector<Waiting> batch(5, job(Priority::normal, 30, 0.2F));
  Played played;
  Played::Queue queue{};
  const auto expect_alike = [&](const char* what, std::size_t hits) {
    hits += played.hits();
    const auto whole = simulate(view, batch, {}).batch;
    for (int i = 0; i < 2; ++i) {
      const auto starts = simulate_batch(view, batch, {}, played, queue);
      ASSERT_EQ(starts.size(), whole.size());
      for (std::size_t j = 0; j < whole.size(); ++j) {
        EXPECT_EQ(starts[j].start_p50, whole[j].start_p50) << what << " " << j;
        EXPECT_EQ(starts[j].start_p90, whole[j].start_p90) << what << " " << j;
        EXPECT_EQ(starts[j].end_p50, whole[j].end_p50) << what << " " << j;
      }
    }
    EXPECT_EQ(played.hits(), hits) << what;
  };
  expect_alike("as it is", 1);
  for (auto& one : batch) one.p50_seconds = 15;
  expect_alike("shorter", 2);
  for (auto& one : batch) one.hold = Hold::window;
  expect_alike("in a window", 2);
  for (auto& one : batch) one.hold = Hold::none;
  batch.push_back(job(Priority::urgent, 5));
  expect_alike("one before", 1);
  batch.pop_back();
  view.capacity.max_concurrent_jobs = 9;
  expect_alike("more slots", 1);
  windows[1].closes += seconds(2'000);
  expect_alike("another window", 1);
  waiting.erase(waiting.begin(), waiting.begin() + 500);
  waiting.resize(4'000, job(Priority::background, 50));
  view.waiting = waiting;
  queue += seconds(1);
  expect_alike("another queue", 1);
  view.backfill = true;
  expect_alike("backfill", 0);
  view.backfill = false;
  view.paused = true;
  expect_alike("paused", 0);
  view.paused_until = view.now + seconds(60);
  expect_alike("paused for a while", 0);
}

}  // namespace
}  // namespace oppen::plan
