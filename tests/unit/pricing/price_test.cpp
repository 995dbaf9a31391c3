// Proves that a price is exact: the worked example, each part of the formula by itself, splits that
// add up for any cut, and agreement with the formula computed independently in arbitrary fractions.
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <random>

#include "workers/cost/pricing/off_peak.hpp"
#include "workers/cost/pricing/pricing.hpp"

namespace oppen::pricing {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr std::int64_t gib = std::int64_t{1} << 30;

Time at(const char* text) { return parse_rfc3339(text).value(); }
const Time noon = at("2026-01-03T12:00:00Z");
const Time night = at("2026-01-03T23:00:00Z");

Usage one_gpu_one_core() {
  Usage usage;
  usage.resources.gpus = 1;
  usage.resources.cpu_millicores = 1'000;
  return usage;
}

TEST(Price, OfTheWorkedExample) {
  // A 4.1 minute MNIST run on one GPU and one core: 4.1/60 x (0.25 + 0.05) = $0.0205 before memory.
  const Price cost = price(one_gpu_one_core(), noon, noon + 246s, CostModel{});
  EXPECT_EQ(cost.gpu.value, 17'083);  // 17083.33
  EXPECT_EQ(cost.cpu.value, 3'417);   // 3416.67
  EXPECT_EQ(cost.memory.value, 0);
  EXPECT_EQ(cost.total.value, 20'500);
  EXPECT_EQ(to_string(cost.total), "$0.0205");
}

TEST(Price, OfAnHourIsTheHourlyRate) {
  Usage usage = one_gpu_one_core();
  usage.resources.memory_bytes = 2 * gib;
  EXPECT_EQ(hourly(usage, noon, CostModel{}).value, 250'000 + 50'000 + 20'000);
  EXPECT_EQ(hourly(usage, night, CostModel{}).value, 160'000);
  EXPECT_EQ(price(usage, noon, noon + 1h, CostModel{}).total, hourly(usage, noon, CostModel{}));
  EXPECT_EQ(price(usage, night, night + 1h, CostModel{}).total, hourly(usage, night, CostModel{}));
}

TEST(Price, CountsDevicesByTheirType) {
  Usage usage;
  usage.resources.gpus = 4;
  usage.resources.gpu_type = "A100";
  EXPECT_EQ(hourly(usage, noon, CostModel{}).value, 4 * 350'000);
  usage.gpu_type = "T4";  // what it really got
  EXPECT_EQ(hourly(usage, noon, CostModel{}).value, 4 * 150'000);
  usage.gpu_type = "a type without a rate of its own";
  EXPECT_EQ(hourly(usage, noon, CostModel{}).value, 4 * 250'000);
}

TEST(Price, OfAShareIsTheShareOfTheGpuRate) {
  Usage usage;
  usage.resources.gpus = 0;
  usage.resources.gpu_share = 0.25;
  usage.resources.gpu_type = "A100";
  EXPECT_EQ(hourly(usage, noon, CostModel{}).value, 87'500);
  usage.resources.gpus = 1;  // a share stands instead of whole devices
  EXPECT_EQ(hourly(usage, noon, CostModel{}).value, 87'500);
  usage.resources.gpu_share = 1;
  EXPECT_EQ(hourly(usage, noon, CostModel{}).value, 350'000);
}

TEST(Price, WithoutAGpuIsTheCpuOnlyRateInItsPlace) {
  Usage usage;
  usage.resources.gpus = 0;
  usage.resources.cpu_millicores = 2'500;
  usage.resources.memory_bytes = gib / 2;
  const Price cost = price(usage, noon, noon + 1h, CostModel{});
  EXPECT_EQ(cost.gpu.value, 100'000);
  EXPECT_EQ(cost.cpu.value, 125'000);
  EXPECT_EQ(cost.memory.value, 5'000);
  EXPECT_EQ(cost.total.value, 230'000);
}

TEST(Price, IsMultipliedByPriorityTimeAndSpot) {
  Usage usage = one_gpu_one_core();  // 300,000 an hour
  usage.priority = Priority::urgent;
  EXPECT_EQ(hourly(usage, noon, CostModel{}).value, 450'000);
  usage.priority = Priority::background;
  EXPECT_EQ(hourly(usage, noon, CostModel{}).value, 240'000);
  usage.spot = true;
  EXPECT_EQ(hourly(usage, noon, CostModel{}).value, 72'000);
  EXPECT_EQ(hourly(usage, night, CostModel{}).value, 36'000);
  usage.priority = Priority::normal;
  EXPECT_EQ(hourly(usage, noon, CostModel{}).value, 90'000);
}

TEST(Price, IsSplitWhereTheWindowOpensAndCloses) {
  const Usage usage = one_gpu_one_core();
  const Time opens = at("2026-01-03T22:00:00Z");
  EXPECT_EQ(price(usage, opens - 30min, opens + 30min, CostModel{}).total.value, 150'000 + 75'000);
  EXPECT_EQ(price(usage, opens - 12s, opens, CostModel{}).total.value, 1'000);
  EXPECT_EQ(price(usage, opens, opens + 12s, CostModel{}).total.value, 500);
  EXPECT_EQ(price(usage, opens - 12s, opens + 12s, CostModel{}).total.value, 1'500);
  EXPECT_EQ(price(usage, opens + 8h - 12s, opens + 8h + 12s, CostModel{}).total.value, 1'500);
}

TEST(Price, OfTheNightInWhichTheClocksChange) {
  CostModel model;
  model.time_zone = "Europe/Berlin";
  const Usage usage = one_gpu_one_core();
  // Midday to midday of the wall clock: 23 hours with 7 cheap ones, 25 hours with 9 cheap ones; 16
  // dear ones each.
  EXPECT_EQ(price(usage, at("2026-03-28T11:00:00Z"), at("2026-03-29T10:00:00Z"), model).total.value,
            16 * 300'000 + 7 * 150'000);
  EXPECT_EQ(price(usage, at("2026-10-24T10:00:00Z"), at("2026-10-25T11:00:00Z"), model).total.value,
            16 * 300'000 + 9 * 150'000);
}

TEST(Price, IsRoundedHalfUpOnce) {
  CostModel model;
  model.gpu_hourly = 1;
  Usage usage;
  EXPECT_EQ(price(usage, noon, noon + 30min, model).total.value, 1);        // 0.5
  EXPECT_EQ(price(usage, noon, noon + 30min - 1ms, model).total.value, 0);  // just below
  EXPECT_EQ(price(usage, noon, noon + 90min, model).total.value, 2);        // 1.5
}

TEST(Price, OfNoTimeIsNothing) {
  EXPECT_EQ(price(one_gpu_one_core(), noon, noon, CostModel{}).total.value, 0);
  EXPECT_EQ(price(one_gpu_one_core(), noon, noon - 1h, CostModel{}).total.value, 0);
}

TEST(Price, OfNonsenseStaysANumber) {
  CostModel model;
  model.gpu_hourly = std::numeric_limits<std::int64_t>::max();
  model.urgent_multiplier = std::numeric_limits<std::int64_t>::max();
  model.memory_gib_hourly = -1;
  Usage usage;
  usage.priority = Priority::urgent;
  usage.resources.gpus = 64;
  usage.resources.memory_bytes = std::numeric_limits<std::int64_t>::max();
  const Price cost = price(usage, Time{}, at("2026-01-01T00:00:00Z"), model);
  EXPECT_EQ(cost.gpu.value, std::numeric_limits<std::int64_t>::max() / 4);
  EXPECT_EQ(cost.memory.value, 0);
}

// Usages and models with rates, shares and multipliers that no number of steps makes round.
struct Case {
  Usage usage;
  CostModel model;
};

Case random_case(std::mt19937_64& random) {
  const auto uniform = [&](std::int64_t from, std::int64_t to) {
    return std::uniform_int_distribution<std::int64_t>(from, to)(random);
  };
  Case made;
  CostModel& model = made.model;
  model.gpu_hourly = uniform(1, 20'000'000);
  model.cpu_core_hourly = uniform(1, 500'000);
  model.memory_gib_hourly = uniform(1, 100'000);
  model.off_peak_multiplier = uniform(0, 2'000'000);
  model.urgent_multiplier = uniform(1'000'000, 3'000'000);
  model.spot_multiplier = uniform(1, 1'000'000);
  model.off_peak_start_minute = static_cast<int>(uniform(0, 1'439));
  model.off_peak_end_minute = static_cast<int>(uniform(0, 1'440));
  const char* zones[] = {"UTC", "Europe/Berlin", "America/New_York"};
  model.time_zone = zones[uniform(0, 2)];
  Usage& usage = made.usage;
  usage.resources.gpus = static_cast<int>(uniform(0, 8));
  if (uniform(0, 3) == 0)
    usage.resources.gpu_share = static_cast<double>(uniform(1, 1'000'000)) / 1e6;
  usage.resources.cpu_millicores = uniform(0, 64'000);
  usage.resources.memory_bytes = uniform(0, 512 * gib);
  usage.priority = uniform(0, 1) == 0 ? Priority::urgent : Priority::normal;
  usage.spot = uniform(0, 1) == 0;
  return made;
}

TEST(PriceProperty, AnyCutOfARunAddsUpAndNothingEverShrinks) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 200; ++round) {
    const auto [usage, model] = random_case(random);
    const Time start = at("2026-03-01T00:00:00Z") + milliseconds(random() % (300LL * 86'400'000));
    const Time end = start + milliseconds(random() % (3LL * 86'400'000));
    Price sum;
    Price before;
    for (Time cut = start; cut < end;) {
      cut = std::min(end, cut + milliseconds(1 + random() % 7'200'000));
      const Price now = price(usage, start, cut, model);
      EXPECT_EQ(now.total, now.gpu + now.cpu + now.memory);
      EXPECT_GE(now.gpu, before.gpu);
      EXPECT_GE(now.cpu, before.cpu);
      EXPECT_GE(now.memory, before.memory);
      sum.gpu += now.gpu - before.gpu;
      sum.cpu += now.cpu - before.cpu;
      sum.memory += now.memory - before.memory;
      before = now;
    }
    const Price whole = price(usage, start, end, model);
    EXPECT_EQ(sum.gpu, whole.gpu);
    EXPECT_EQ(sum.cpu, whole.cpu);
    EXPECT_EQ(sum.memory, whole.memory);
  }
}

TEST(PriceProperty, AgreesWithTheFormulaInFloatingPoint) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 500; ++round) {
    const auto [usage, model] = random_case(random);
    const Time start = at("2026-03-01T00:00:00Z") + milliseconds(random() % (300LL * 86'400'000));
    const Time end = start + milliseconds(random() % (3LL * 86'400'000));
    const long double cheap =
        static_cast<long double>(off_peak_within(start, end, model).count()) / 3.6e6L;
    const long double dear = static_cast<long double>((end - start).count()) / 3.6e6L - cheap;
    long double hours = dear + cheap * static_cast<long double>(model.off_peak_multiplier) / 1e6L;
    if (usage.priority == Priority::urgent)
      hours *= static_cast<long double>(model.urgent_multiplier) / 1e6L;
    if (usage.spot) hours *= static_cast<long double>(model.spot_multiplier) / 1e6L;
    const auto& resources = usage.resources;
    long double gpu =
        static_cast<long double>(resources.gpus) * static_cast<long double>(model.gpu_hourly);
    if (resources.gpus == 0) gpu = static_cast<long double>(model.cpu_only_hourly);
    if (resources.gpu_share)
      gpu = *resources.gpu_share * static_cast<long double>(model.gpu_hourly);
    const long double cpu = static_cast<long double>(resources.cpu_millicores) / 1e3L *
                            static_cast<long double>(model.cpu_core_hourly);
    const long double memory = static_cast<long double>(resources.memory_bytes) /
                               static_cast<long double>(gib) *
                               static_cast<long double>(model.memory_gib_hourly);
    const Price cost = price(usage, start, end, model);
    EXPECT_NEAR(static_cast<double>(cost.gpu.value), static_cast<double>(gpu * hours), 0.501);
    EXPECT_NEAR(static_cast<double>(cost.cpu.value), static_cast<double>(cpu * hours), 0.501);
    EXPECT_NEAR(static_cast<double>(cost.memory.value), static_cast<double>(memory * hours), 0.501);
  }
}

}  // namespace
}  // namespace oppen::pricing
