// Random queues played through decision by decision: never over a limit, never an idle slot that the head could use, a reserved head never
// later than its bound; and where durations are exact, the projection says the very same starts.
#include "stepping.hpp"

#include <gtest/gtest.h>

namespace oppen::plan {
namespace {

constexpr unsigned seed = 20260107;

std::vector<double> exact_left(const RandomQueue& queue) {
  std::vector<double> left;
  for (const auto& job : queue.running) {
    const double spent = std::chrono::duration<double>(queue.view.now - job.started_at).count();
    left.push_back(std::max(0.0, static_cast<double>(job.p50_seconds) - spent));
  }
  return left;
}

std::vector<double> exact(const RandomQueue& queue) {
  std::vector<double> seconds;
  for (const auto& job : queue.waiting) seconds.push_back(job.p50_seconds);
  return seconds;
}

// At most what is allowed, in all and of each priority's own quota.
void expect_within(const Capacity& capacity) {
  EXPECT_LE(capacity.taken_slots(), capacity.max_concurrent_jobs);
  for (const auto& quota : capacity.quotas) {
    for (const auto& [resource, hard] : quota.hard)
      EXPECT_LE(taken(quota, resource, capacity), hard) << quota.name << " " << resource;
  }
}

class Stepped : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Backfill, Stepped, testing::Bool());

TEST_P(Stepped, NeverOverALimitAndNoSlotIdleThatTheHeadCouldUse) {
  std::mt19937 random(seed);
  for (int round = 0; round < 200; ++round) {
    SCOPED_TRACE(testing::Message() << "seed " << seed << " round " << round);
    RandomQueue queue(random, 40, 0);
    queue.hold_some(random);
    queue.view.backfill = GetParam();
    std::vector<Time> arrival;
    for (std::size_t i = 0; i < queue.waiting.size(); ++i)
      arrival.push_back(queue.view.now + std::chrono::seconds(random() % 4000));
    Stepping stepping;
    std::size_t launched = 0;
    stepping.look = [&](const Stepping::Moment& moment) {
      expect_within(moment.after);
      launched += moment.choice.launch.size();
      const auto left = moment.jobs.size() - moment.choice.launch.size();
      ASSERT_EQ(moment.choice.head.has_value(), left > 0);
      if (!moment.choice.head) return;
      // In strict order up to the head.
      for (std::size_t i = 0; i < *moment.choice.head; ++i) EXPECT_EQ(moment.choice.launch[i], i);
      auto at_head = moment.before;
      for (std::size_t i = 0; i < *moment.choice.head; ++i) {
        const auto& job = queue.waiting[moment.jobs[i]];
        at_head.ours[static_cast<std::size_t>(job.priority)] += job.amounts;
      }
      const auto& head = queue.waiting[moment.jobs[*moment.choice.head]];
      EXPECT_TRUE(why_not(head.amounts, head.priority, at_head));
      if (!GetParam()) {
        EXPECT_EQ(moment.choice.launch.size(), *moment.choice.head);
      }
    };
    stepping.starts(queue.view, exact_left(queue), exact(queue), arrival);
    EXPECT_GT(launched, 10U);
  }
}

TEST(Backfill, AReservedHeadNeverStartsLaterThanItsBound) {
  std::mt19937 random(seed);
  std::size_t passed = 0;
  std::size_t reserved = 0;
  for (int round = 0; round < 300; ++round) {
    SCOPED_TRACE(testing::Message() << "seed " << seed << " round " << round);
    RandomQueue queue(random, 40, 0);
    queue.view.backfill = true;
    std::vector<double> seconds;  // any part of what is enforced
    for (auto& job : queue.waiting) {
      job.priority = Priority::normal;
      seconds.push_back(static_cast<double>(random() % (job.max_runtime_seconds * 1000 + 1)) /
                        1000);
    }
    std::vector<Time> arrival;
    for (std::size_t i = 0; i < queue.waiting.size(); ++i)
      arrival.push_back(queue.view.now + std::chrono::seconds(20 * i));
    std::vector<std::optional<Time>> bound(queue.waiting.size());
    Stepping stepping;
    stepping.look = [&](const Stepping::Moment& moment) {
      for (const auto i : moment.choice.launch)
        passed += moment.choice.head && i > *moment.choice.head ? 1U : 0U;
      if (!moment.choice.reserved_at) return;
      auto& first = bound[moment.jobs[*moment.choice.head]];
      if (!first) {
        first = moment.choice.reserved_at;
        ++reserved;
      }
      EXPECT_LE(*moment.choice.reserved_at, *first);
    };
    const auto started = stepping.starts(queue.view, exact_left(queue), seconds, arrival);
    for (std::size_t i = 0; i < bound.size(); ++i) {
      ASSERT_TRUE(started[i]);
      if (bound[i]) {
        EXPECT_LE(*started[i], *bound[i]) << "job " << i;
      }
    }
  }
  EXPECT_GT(passed, 1000U);
  EXPECT_GT(reserved, 1000U);
}

TEST_P(Stepped, TheProjectionOfExactDurationsIsWhatHappens) {
  std::mt19937 random(seed + 1);
  for (unsigned round = 0; round < 200; ++round) {
    SCOPED_TRACE(testing::Message() << "seed " << seed + 1 << " round " << round);
    RandomQueue queue(random, 10 + round, 0);
    if (round % 2 == 1) queue.hold_some(random);
    queue.view.backfill = GetParam();
    const auto started = Stepping().starts(queue.view, exact_left(queue), exact(queue));
    const auto from = random() % queue.waiting.size();
    const auto expected = project(queue.view, from, queue.waiting.size());
    ASSERT_EQ(expected.size(), queue.waiting.size() - from);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(expected[i].start_p50, started[from + i]) << "job " << from + i;
      EXPECT_EQ(expected[i].start_p90, started[from + i]) << "job " << from + i;
    }
  }
}

}  // namespace
}  // namespace oppen::plan
