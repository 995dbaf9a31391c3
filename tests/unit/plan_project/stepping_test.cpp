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

// What is launched counts at once, in what is counted and in what the API server charges.
void count_in(const Waiting& job, Capacity& capacity) {
  capacity.ours[static_cast<std::size_t>(job.priority)] += job.amounts;
  for (auto& quota : capacity.quotas) {
    if (!applies(quota, job.priority)) continue;
    for (auto& [resource, used] : quota.used) used += amount_of(job.amounts, resource);
  }
}

// Strays in some of the free slots, and other people's pods at any time.
std::vector<Stepping::Stranger> some_strangers(std::mt19937& random, const RandomQueue& queue) {
  const auto up_to = [&](std::int64_t most) {
    return static_cast<std::int64_t>(random() % static_cast<unsigned>(most + 1));
  };
  const auto& view = queue.view;
  std::vector<Stepping::Stranger> strangers;
  auto full = view.capacity;
  for (auto i = up_to(2); i > 0; --i) {
    Waiting stray;
    stray.priority = all_priorities[up_to(2)];
    stray.amounts = {1, up_to(2), 500, 1 << 30};
    if (why_not(stray.amounts, stray.priority, full)) continue;
    count_in(stray, full);
    strangers.push_back({view.now, view.now + std::chrono::seconds(1 + up_to(900)), true,
                         std::string(to_string(stray.priority)), stray.amounts});
  }
  for (int i = 0; i < 15; ++i) {
    const auto comes = view.now + std::chrono::seconds(up_to(4000));
    const char* classes[] = {"normal", "background", "of-others", ""};
    strangers.push_back({comes, comes + std::chrono::seconds(1 + up_to(900)), false,
                         classes[up_to(3)], Amounts{1, up_to(3), 500 * up_to(4), 1 << 30}});
  }
  return strangers;
}

class Strangers : public testing::TestWithParam<std::tuple<bool, bool>> {};
INSTANTIATE_TEST_SUITE_P(BackfillAndStrangers, Strangers,
                         testing::Combine(testing::Bool(), testing::Bool()));

TEST_P(Strangers, NeverOverALimitAndNoSlotIdleThatTheHeadCouldUse) {
  const bool backfill = std::get<0>(GetParam());
  const bool with_strangers = std::get<1>(GetParam());
  std::mt19937 random(seed);
  std::size_t others = 0;
  std::size_t strays = 0;
  std::size_t launched = 0;  // in all: where others stay for good, little is in one round
  for (int round = 0; round < 200; ++round) {
    SCOPED_TRACE(testing::Message() << "seed " << seed << " round " << round);
    RandomQueue queue(random, 40, 0);
    queue.hold_some(random);
    queue.view.backfill = backfill;
    std::vector<Time> arrival;
    for (std::size_t i = 0; i < queue.waiting.size(); ++i)
      arrival.push_back(queue.view.now + std::chrono::seconds(random() % 4000));
    Stepping stepping;
    if (with_strangers) stepping.strangers = some_strangers(random, queue);
    stepping.look = [&](const Stepping::Moment& moment) {
      expect_within(moment.after);
      for (const auto& quota : moment.after.quotas) {
        for (const auto& [resource, hard] : quota.hard)
          EXPECT_LE(stepping.charged(quota, resource, moment.after), hard) << quota.name;
      }
      others += moment.after.foreign.size();
      strays += static_cast<std::size_t>(moment.after.strays);
      launched += moment.choice.launch.size();
      const auto left = moment.jobs.size() - moment.choice.launch.size();
      ASSERT_EQ(moment.choice.head.has_value(), left > 0);
      if (!moment.choice.head) return;
      // In strict order up to the head.
      for (std::size_t i = 0; i < *moment.choice.head; ++i) EXPECT_EQ(moment.choice.launch[i], i);
      auto at_head = moment.before;
      for (std::size_t i = 0; i < *moment.choice.head; ++i) {
        count_in(queue.waiting[moment.jobs[i]], at_head);
      }
      const auto& head = queue.waiting[moment.jobs[*moment.choice.head]];
      EXPECT_TRUE(why_not(head.amounts, head.priority, at_head));
      if (!backfill) {
        EXPECT_EQ(moment.choice.launch.size(), *moment.choice.head);
      }
    };
    stepping.starts(queue.view, exact_left(queue), exact(queue), arrival);
  }
  EXPECT_GT(launched, 200 * 10U);
  EXPECT_EQ(others > 1000 && strays > 100, with_strangers) << others << " " << strays;
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
    std::vector<std::uint32_t> some;
    for (std::uint32_t i = 0; i < queue.waiting.size(); ++i) {
      if (random() % 4 == 0) some.push_back(i);
    }
    const auto picked = project(queue.view, some);
    ASSERT_EQ(picked.size(), some.size());
    for (std::size_t i = 0; i < some.size(); ++i)
      EXPECT_EQ(picked[i].start_p50, started[some[i]]) << "job " << some[i];
  }
}

}  // namespace
}  // namespace oppen::plan
