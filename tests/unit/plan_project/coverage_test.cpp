// What a projection promises when durations are as uncertain as it is told: nine of ten jobs start by their p90, and half by their p50, near
// the head and far from it, in strict order and with backfill.
#include <gtest/gtest.h>

#include <cmath>

#include "stepping.hpp"

namespace oppen::plan {
namespace {

constexpr unsigned seed = 20260109;

struct Case {
  const char* name;
  int slots;
  std::size_t jobs;
  float spread;
  float doubt;
  int most_gpus;  // of a job, where there are as many as slots
  bool backfill;
  LogNormal overhead = {};
};

// How many real starts came by the p50 and by the p90, of `rounds` queues.
struct Coverage {
  double p50 = 0;
  double p90 = 0;
};

Coverage measure(const Case& of, int rounds, std::mt19937& random) {
  std::normal_distribution<double> normal;
  Coverage sum;
  for (int round = 0; round < rounds; ++round) {
    View view;
    view.now = Time(std::chrono::hours(480'000));
    view.backfill = of.backfill;
    view.capacity.max_concurrent_jobs = of.slots;
    view.capacity.quotas = {{"all", "", {{"gpus", of.slots}}, {}}};
    view.overhead = of.overhead;
    const double off = of.doubt * normal(random);
    const bool overheads = of.overhead.p50_seconds > 0;
    const double overhead_off = overheads ? of.overhead.doubt * normal(random) : 0;
    const auto overhead = [&] {
      return overheads ? of.overhead.p50_seconds *
                             std::exp(of.overhead.spread * normal(random) + overhead_off)
                       : 0;
    };
    const auto draw = [&](double p50) { return p50 * std::exp(of.spread * normal(random) + off); };
    const auto p50 = [&] { return static_cast<float>(100 + random() % 400); };
    const auto gpus = [&] {
      return 1 + static_cast<std::int64_t>(random() % static_cast<unsigned>(of.most_gpus));
    };

    std::vector<Running> running;
    std::vector<double> left;
    for (std::int64_t free = of.slots; free > 0;) {
      Running job;
      job.amounts = {1, std::min(free, gpus()), 0, 0};
      free -= job.amounts.gpus;
      job.p50_seconds = p50();
      job.spread = of.spread;
      job.doubt = of.doubt;
      job.ends_by = view.now + std::chrono::hours(24);
      // Whoever looks in at some instant more likely meets a longer run, and meets it anywhere in its time; so what it has spent tells no
      // more than that it lasts longer.
      const double whole = draw(job.p50_seconds) * std::exp(of.spread * of.spread);
      const double spent = whole * std::uniform_real_distribution<>(0, 1)(random);
      job.started_at = view.now - std::chrono::milliseconds(static_cast<int>(spent * 1000));
      left.push_back(whole - spent);
      view.capacity.ours[1] += job.amounts;
      running.push_back(job);
    }
    std::vector<Waiting> waiting;
    // So many jobs that are held, for draws go by the place of a job, and each queue should have others.
    Waiting held;
    held.hold = Hold::paused;
    waiting.assign(random() % 300, held);
    std::vector<double> seconds(waiting.size());
    for (std::size_t i = 0; i < of.jobs; ++i) {
      Waiting job;
      job.amounts = {1, gpus(), 0, 0};
      job.p50_seconds = p50();
      job.spread = of.spread;
      job.doubt = of.doubt;
      job.max_runtime_seconds = 86'400;
      waiting.push_back(job);
      seconds.push_back(std::min(86'400.0, draw(job.p50_seconds) + overhead()));
    }
    view.running = running;
    view.waiting = waiting;
    const auto index = waiting.size() - 1;
    const auto start = *Stepping().starts(view, left, seconds)[index];
    const auto expected = project(view, index, index + 1).front();
    sum.p50 += start <= *expected.start_p50 ? 1 : 0;
    sum.p90 += start <= *expected.start_p90 ? 1 : 0;
  }
  return {sum.p50 / rounds, sum.p90 / rounds};
}

class Covers : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(
    Queues, Covers,
    testing::Values(
        Case{"TheHead", 1, 1, 0.5F, 0, 1, false},
        Case{"TheHeadOfManySlots", 16, 1, 0.5F, 0, 1, false},
        Case{"OneSlot", 1, 20, 0.5F, 0, 1, false}, Case{"ManySlots", 16, 100, 0.8F, 0, 1, false},
        Case{"Doubt", 4, 100, 0.3F, 0.4F, 1, false}, Case{"Shapes", 8, 60, 0.6F, 0.1F, 8, false},
        Case{"Backfill", 8, 60, 0.6F, 0.1F, 8, true}, Case{"FarShapes", 8, 2700, 0.6F, 0, 8, false},
        Case{"FarBackfill", 8, 1000, 0.6F, 0.05F, 8, true},
        Case{"Overhead", 4, 40, 0.6F, 0.1F, 1, false, {300, 0.5, 0.2}},
        Case{"FarOverhead", 8, 2700, 0.6F, 0, 8, false, {300, 0.5, 0.02}}),
    [](const auto& one) { return one.param.name; });

TEST_P(Covers, NineOfTenStartByTheirP90) {
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  const int rounds = GetParam().jobs > 2000 ? 60 : 400;
  const auto coverage = measure(GetParam(), rounds, random);
  EXPECT_GE(coverage.p90, 0.85);
  EXPECT_LE(coverage.p90, 0.96);
  EXPECT_NEAR(coverage.p50, 0.5, 4 * std::sqrt(0.25 / rounds));
}

// So far from the head that one path is all that can be afforded.
TEST(Covers, NineOfTenFarFromTheHead) {
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  constexpr int rounds = 200;
  constexpr std::size_t jobs = 10'000;
  constexpr int slots = 8;
  for (const float doubt : {0.0F, 0.01F}) {
    int by_p50 = 0;
    int by_p90 = 0;
    for (int round = 0; round < rounds; ++round) {
      View view;
      view.capacity.max_concurrent_jobs = slots;
      std::vector<Waiting> waiting(jobs);
      std::vector<std::int64_t> ends(slots);  // milliseconds: a heap, the first on top
      std::int64_t start = 0;
      const double off = doubt * normal(random);
      for (auto& job : waiting) {
        job.amounts = {1, 0, 0, 0};
        job.p50_seconds = static_cast<float>(100 + random() % 400);
        job.spread = 0.9F;
        job.doubt = doubt;
        job.max_runtime_seconds = 1'000'000;
        std::pop_heap(ends.begin(), ends.end(), std::greater<>());
        start = ends.back();
        ends.back() += static_cast<std::int64_t>(1000 * job.p50_seconds *
                                                 std::exp(0.9 * normal(random) + off));
        std::push_heap(ends.begin(), ends.end(), std::greater<>());
      }
      view.waiting = waiting;
      const auto expected = project(view, jobs - 1, jobs).front();
      const Time started{std::chrono::milliseconds(start)};
      by_p50 += started <= *expected.start_p50 ? 1 : 0;
      by_p90 += started <= *expected.start_p90 ? 1 : 0;
    }
    EXPECT_GE(by_p90, rounds * 0.85);
    EXPECT_LE(by_p90, rounds * 0.96);
    EXPECT_NEAR(by_p50, rounds * 0.5, 4 * std::sqrt(rounds * 0.25));
  }
}

}  // namespace
}  // namespace oppen::plan
