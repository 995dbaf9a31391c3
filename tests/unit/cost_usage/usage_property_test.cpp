// Whatever order samples come in, how often, and wherever the worker stops and goes on from what it had stored: the same usage.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "tests/unit/cost_usage/samples.hpp"
#include "workers/cost/usage/usage.hpp"

namespace oppen::cost {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t hourly = 350'000;

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  std::int64_t operator()(std::int64_t from, std::int64_t to) {
    return std::uniform_int_distribution<std::int64_t>(from, to)(engine_);
  }
  std::mt19937_64& engine() { return engine_; }

 private:
  std::mt19937_64 engine_;
};

std::vector<GpuReading> story(Dice& dice) {
  static constexpr std::string_view uuids[] = {"GPU-a", "GPU-b", "GPU-c"};
  std::vector<GpuReading> readings;
  const auto gpus = static_cast<std::size_t>(dice(1, 3));
  for (std::size_t gpu = 0; gpu < gpus; ++gpu) {
    Time at = test::at("2026-01-03T12:00:00Z");
    for (std::int64_t i = 0, count = dice(1, 60); i < count; ++i) {
      GpuReading reading;
      reading.device = key_of_device(uuids[gpu]);
      reading.interval_ms = dice(1, 20'000);
      reading.sampled_at = at += std::chrono::milliseconds(reading.interval_ms);
      reading.utilization_percent = static_cast<double>(dice(0, 1'000'000)) / 10'000;
      reading.of_sm_active = dice(0, 1) == 1;
      reading.share = dice(0, 1) == 1 ? 1 : 0.25;
      if (dice(0, 1) == 1) reading.memory_mb = static_cast<double>(dice(0, 80'000));
      readings.push_back(reading);
    }
  }
  return readings;
}

// Each is shifted by less than Seen::most places of its GPU's samples.
std::vector<GpuReading> disordered(const std::vector<GpuReading>& readings, Dice& dice) {
  std::vector<std::pair<std::int64_t, GpuReading>> places;
  std::map<std::uint64_t, std::int64_t> count;
  for (const auto& reading : readings) {
    const auto place = count[reading.device]++;
    for (std::int64_t times = dice(1, 2); times > 0; --times)
      places.emplace_back(place + dice(0, Seen::most - 1), reading);
  }
  std::shuffle(places.begin(), places.end(), dice.engine());
  std::stable_sort(places.begin(), places.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<GpuReading> result;
  for (const auto& [place, reading] : places) result.push_back(reading);
  return result;
}

Effective& operator+=(Effective& sum, const Effective& part) {
  sum.measured_microusd += part.measured_microusd;
  sum.effective_microusd += part.effective_microusd;
  return sum;
}

TEST(UsageProperty, SameInAnyOrderRepeatedAndInterrupted) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    Dice dice(seed);
    const auto readings = story(dice);
    Usage in_order;
    for (const auto& reading : readings) in_order.add(reading);
    Measured expected;
    for (const auto& reading : readings) expected.add(reading);
    ASSERT_EQ(in_order.measured(), expected);

    constexpr std::int64_t charged = 1'000'000'000;
    const auto at_once = in_order.settle(hourly, charged);
    Usage usage;
    Effective settled;
    for (const auto& reading : disordered(readings, dice)) {
      usage.add(reading);
      if (dice(0, 4) == 0) settled += usage.settle(hourly, charged);
      if (dice(0, 4) != 0) continue;
      auto stored = Usage::decode(usage.encode());
      ASSERT_TRUE(stored) << stored.error().message;
      ASSERT_EQ(stored->encode(), usage.encode());
      usage = std::move(*stored);
    }
    settled += usage.settle(hourly, charged);
    ASSERT_EQ(usage.measured(), expected);
    // A thousandth of a micro-dollar is cut off at each settling.
    EXPECT_NEAR(static_cast<double>(settled.measured_microusd),
                static_cast<double>(at_once.measured_microusd), 1);
    EXPECT_NEAR(static_cast<double>(settled.effective_microusd),
                static_cast<double>(at_once.effective_microusd), 1);
  }
}

TEST(UsageProperty, AttemptsAddUp) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Dice dice(seed);
    const auto readings = story(dice);
    Measured whole;
    Measured parts[2];
    for (const auto& reading : readings) {
      whole.add(reading);
      parts[dice(0, 1)].add(reading);
    }
    EXPECT_EQ(parts[0] += parts[1], whole);
  }
}

TEST(UsageProperty, WhatIsToldStaysWithinWhatIsCharged) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    Dice dice(seed);
    Usage usage;
    Effective sum;
    std::int64_t charged = 0;
    for (const auto& reading : disordered(story(dice), dice)) {
      usage.add(reading);
      charged += dice(-500, 2'000);
      sum += usage.settle(dice(0, hourly), charged);
      ASSERT_GE(sum.measured_microusd, 0);
      ASSERT_LE(sum.measured_microusd, std::max<std::int64_t>(charged, 0));
      ASSERT_GE(sum.effective_microusd, 0);
      ASSERT_LE(sum.effective_microusd, sum.measured_microusd);
    }
  }
}

}  // namespace
}  // namespace oppen::cost
