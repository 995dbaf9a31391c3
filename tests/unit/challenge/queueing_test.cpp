// Proves the latency by what is known of M/D/1, and against a simulation of the requests themselves.
#include "producers/challenge/queueing.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace oppen::challenge {
namespace {

double md1(double t, double rate) { return DeterministicQueue(rate, 1, 1).wait_probability(t); }

TEST(DeterministicQueueOfOne, HasTheFiguresOfErlang) {
  // Who comes finds nobody there with 1 - load.
  EXPECT_NEAR(md1(0, 0.6), 0.4, 1e-9);
  // By hand, for t = 1.5, rate 0.5, service 1: 0.5 x (e^0.75 - 0.25 e^0.25) = 0.897997.
  EXPECT_NEAR(md1(1.5, 0.5), 0.897997, 1e-6);
  EXPECT_EQ(md1(-1, 0.5), 0);
  EXPECT_EQ(md1(1e9, 0.5), 1);
}

TEST(DeterministicQueueOfOne, HasTheMeanOfPollaczekAndKhinchine) {
  for (const double load : {0.2, 0.5, 0.7}) {
    double mean = 0;
    constexpr double step = 0.001;
    const DeterministicQueue queue(load, 1, 1);
    for (double t = step / 2; t < 30; t += step) mean += (1 - queue.wait_probability(t)) * step;
    EXPECT_NEAR(mean, load / (2 * (1 - load)), 0.002) << load;
  }
}

// One server, batches of `size` that wait until they are full, in their order.
Latency simulated(double rate, int size, double service) {
  std::mt19937_64 random(20260103);
  std::exponential_distribution<double> gap(rate);
  std::vector<double> taken;
  std::vector<double> batch;
  double now = 0;
  double free_at = 0;
  for (int i = 0; i < 400'000; ++i) {
    now += gap(random);
    batch.push_back(now);
    if (batch.size() < static_cast<std::size_t>(size)) continue;
    free_at = std::max(free_at, now) + service;
    for (const double came : batch) taken.push_back(free_at - came);
    batch.clear();
  }
  std::sort(taken.begin(), taken.end());
  return {taken[taken.size() / 2], taken[taken.size() * 99 / 100]};
}

TEST(LatencyOfBatches, OfOneIsThatOfASimulation) {
  const auto formula = latency(700, 1, 0.001);
  const auto played = simulated(700, 1, 0.001);
  ASSERT_TRUE(formula);
  EXPECT_NEAR(formula->p50_seconds, played.p50_seconds, 0.02 * played.p50_seconds);
  EXPECT_NEAR(formula->p99_seconds, played.p99_seconds, 0.03 * played.p99_seconds);
}

TEST(LatencyOfBatches, OfSeveralIsNearASimulation) {
  for (const double load : {0.2, 0.5, 0.7}) {
    const double rate = load * 8 / 0.002;
    const auto formula = latency(rate, 8, 0.002);
    const auto played = simulated(rate, 8, 0.002);
    ASSERT_TRUE(formula);
    EXPECT_GT(formula->p50_seconds, 0.95 * played.p50_seconds) << load;
    EXPECT_LT(formula->p50_seconds, 1.1 * played.p50_seconds) << load;
    EXPECT_GT(formula->p99_seconds, 0.98 * played.p99_seconds) << load;
    EXPECT_LT(formula->p99_seconds, 1.25 * played.p99_seconds) << load;
  }
}

TEST(LatencyOfBatches, HasNoBoundWhereMoreComesThanIsServed) {
  EXPECT_FALSE(latency(1'000, 1, 0.001));
  EXPECT_FALSE(latency(9'000, 8, 0.001));
  EXPECT_TRUE(latency(800, 1, 0.001));
}

}  // namespace
}  // namespace oppen::challenge
