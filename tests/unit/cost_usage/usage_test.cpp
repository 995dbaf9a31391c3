#include "workers/cost/usage/usage.hpp"

#include <gmock/gmock.h>

#include <map>
#include <random>

#include "tests/unit/cost_usage/samples.hpp"
#include "workers/cost/usage/gpu_hourly.hpp"
#include "workers/cost/usage/usage_book.hpp"

namespace oppen::cost {
namespace {

using namespace std::chrono_literals;
using Outcome = Usage::Outcome;

const Time noon = test::at("2026-01-03T12:00:00Z");

GpuReading gpu(Time at, double utilization, std::string_view uuid = "GPU-1") {
  GpuReading reading;
  reading.device = key_of_device(uuid);
  reading.job_id = "j";
  reading.attempt = 1;
  reading.sampled_at = at;
  reading.interval_ms = 10'000;
  reading.utilization_percent = utilization;
  return reading;
}

PodReading pod(Time at, double cores, std::int64_t bytes) {
  return {key_of_device("j-1"), "j", 1, at, 10'000, cores, bytes};
}

TEST(Usage, OfNothingIsUnknown) {
  const Usage usage;
  EXPECT_EQ(usage.measured().gpu_utilization_percent(), std::nullopt);
  EXPECT_EQ(usage.measured().gpu_utilization_max_percent(), std::nullopt);
  EXPECT_EQ(usage.measured().cpu_cores_mean(), std::nullopt);
  EXPECT_EQ(usage.measured().memory_max(), std::nullopt);
  EXPECT_EQ(usage.measured().utilization_source(), "");
}

TEST(Usage, WeighsByTimeAndShare) {
  Usage usage;
  usage.add(gpu(noon, 90));
  auto half_as_long = gpu(noon + 5s, 30);
  half_as_long.interval_ms = 5'000;
  usage.add(half_as_long);
  auto quarter = gpu(noon + 15s, 50);
  quarter.share = 0.25;
  usage.add(quarter);
  // (10 s x 90 % + 5 s x 30 % + 10 s x 0.25 x 50 %) / (10 + 5 + 2.5) s = 1175 / 17.5 = 67.142857 %
  EXPECT_EQ(usage.measured().gpu_ms, 17'500);
  EXPECT_DOUBLE_EQ(*usage.measured().gpu_utilization_percent(), 1175 / 17.5);
  EXPECT_EQ(usage.measured().gpu_utilization_max_percent(), 90);
}

TEST(Usage, NamesTheSourceOfMostOfTheTime) {
  Usage usage;
  usage.add(gpu(noon, 90));
  EXPECT_EQ(usage.measured().utilization_source(), "gpu_utilization");
  for (const auto later : {10s, 20s}) {
    auto reading = gpu(noon + later, 20);
    reading.of_sm_active = true;
    usage.add(reading);
  }
  EXPECT_EQ(usage.measured().utilization_source(), "sm_active");
}

TEST(Usage, OfAPod) {
  Usage usage;
  usage.add(pod(noon, 1, 100));
  usage.add(pod(noon + 10s, 4, 300));
  usage.add(pod(noon + 20s, 1, 200));
  EXPECT_DOUBLE_EQ(*usage.measured().cpu_cores_mean(), 2);
  EXPECT_EQ(usage.measured().cpu_cores_max(), 4);
  EXPECT_EQ(usage.measured().memory_max(), 300);
  EXPECT_EQ(usage.measured().gpu_utilization_percent(), std::nullopt);
}

TEST(Usage, CountsASampleOnce) {
  Usage usage;
  EXPECT_EQ(usage.add(gpu(noon, 50)), Outcome::counted);
  EXPECT_EQ(usage.add(gpu(noon, 50)), Outcome::repeated);
  EXPECT_EQ(usage.add(gpu(noon, 50, "GPU-2")), Outcome::counted) << "another GPU";
  EXPECT_EQ(usage.add(gpu(noon - 10s, 50)), Outcome::counted) << "late, but not too late";
  EXPECT_EQ(usage.add(gpu(noon - 10s, 50)), Outcome::repeated);
  for (int i = 1; i <= 16; ++i) usage.add(gpu(noon + i * 10s, 50));
  const auto before = usage.measured();
  EXPECT_EQ(usage.add(gpu(noon, 50)), Outcome::late);
  EXPECT_EQ(usage.measured(), before);
  EXPECT_EQ(before.gpu_ms, 190'000);
}

TEST(Usage, LeavesOutWhatNoMachineIsLike) {
  Usage usage;
  auto memory = gpu(noon, 50);
  memory.memory_mb = 1.8e13;  // 2^64 bytes less one: a sentinel
  auto interval = gpu(noon, 50);
  interval.interval_ms = 86'400'000;
  EXPECT_EQ(usage.add(memory), Outcome::absurd);
  EXPECT_EQ(usage.add(interval), Outcome::absurd);
  EXPECT_EQ(usage.add(pod(noon, 1e9, 1)), Outcome::absurd);
  EXPECT_EQ(usage.add(pod(noon, 1, INT64_MAX)), Outcome::absurd);
  EXPECT_EQ(usage.measured(), Measured{});
}

TEST(Usage, HoldsSoManyDevices) {
  Usage usage;
  for (std::size_t i = 0; i < Usage::most_devices; ++i)
    EXPECT_EQ(usage.add(gpu(noon, 50, "GPU-" + std::to_string(i))), Outcome::counted);
  EXPECT_EQ(usage.add(gpu(noon, 50, "GPU-x")), Outcome::too_many);
}

TEST(Usage, DividesWhatWasCharged) {
  Usage usage;
  for (const auto later : {10s, 20s, 30s}) usage.add(gpu(noon + later, 40));
  // A V100 at $0.25 an hour: 30 s are 250,000 x 30 / 3600 = 2,083 micro-dollars, of which 40 % worked: 833.
  EXPECT_EQ(usage.settle(250'000, 2'083), (Effective{2'083, 833}));
  EXPECT_EQ(usage.settle(250'000, 4'167), (Effective{0, 0})) << "nothing new was measured";
  usage.add(gpu(noon + 40s, 100));
  // 40 s: 2,778; effective 30 s x 40 % + 10 s: 22 s, 1,528.
  EXPECT_EQ(usage.settle(250'000, 4'167), (Effective{695, 695}));
}

TEST(Usage, NeverMeasuresMoreThanWasCharged) {
  Usage usage;
  for (const auto later : {10s, 20s, 30s, 33s, 36s, 39s}) usage.add(gpu(noon + later, 50));
  // 60 s of samples from two agents on one node, 30 s charged.
  EXPECT_EQ(usage.settle(360'000, 3'000), (Effective{3'000, 1'500}));
  EXPECT_EQ(usage.settle(360'000, 4'500), (Effective{1'500, 750})) << "what is charged later";
  EXPECT_EQ(usage.settle(360'000, 2'000), (Effective{-2'500, -1'250})) << "and taken back";
  EXPECT_EQ(usage.settle(360'000, -1), (Effective{-2'000, -1'000}));
}

TEST(Usage, OfATimeThatCostsNothingIsNothing) {
  Usage usage;
  usage.add(gpu(noon, 50));
  EXPECT_EQ(usage.settle(0, 0), Effective{});
  EXPECT_EQ(usage.settle(360'000, 1'000), Effective{});
}

TEST(GpuHourly, IsOfOneGpuWithAllMultipliers) {
  const pricing::CostModel model;
  pricing::Usage usage;
  usage.resources.gpus = 8;
  usage.resources.gpu_type = "A100";
  usage.resources.cpu_millicores = 4000;
  usage.resources.memory_bytes = 1 << 30;
  EXPECT_EQ(gpu_hourly(usage, noon, model), 350'000);
  usage.resources.gpus = 0;
  usage.resources.gpu_share = 0.25;
  usage.spot = true;
  usage.priority = Priority::urgent;
  // $0.35 x 1.5 urgent x 0.3 spot x 0.5 off-peak
  EXPECT_EQ(gpu_hourly(usage, noon + 11h, model), 78'750);

  GpuPrices prices(noon + 11h, model);
  EXPECT_EQ(prices.hourly(usage), 78'750);
  usage.spot = false;
  EXPECT_EQ(prices.hourly(usage), 262'500);
  usage.priority = Priority::normal;
  EXPECT_EQ(prices.hourly(usage), 175'000);
  usage.gpu_type = "T4";
  EXPECT_EQ(prices.hourly(usage), 75'000);
}

TEST(Usage, DecodesNoOtherText) {
  for (const char* text :
       {"", "[", "[]", "{}", "[1,2]", "[1,0,0,0,\"x\",0,0,0,0,0,0,0,0,0,0,0,[]]"}) {
    const auto usage = Usage::decode(text);
    ASSERT_FALSE(usage) << text;
    EXPECT_EQ(usage.error().kind, ErrorKind::fatal);
  }
}

TEST(UsageBook, KeepsAttemptsApartAndBounded) {
  UsageBook book(2);
  EXPECT_EQ(book.add(gpu(noon, 50)), Outcome::counted);
  auto second = gpu(noon + 1h, 50);
  second.attempt = 2;
  EXPECT_EQ(book.add(second), Outcome::counted);
  auto third = gpu(noon, 50);
  third.job_id = "k";
  EXPECT_EQ(book.add(third), Outcome::no_room);
  auto nobodys = gpu(noon, 50);
  nobodys.job_id = {};
  EXPECT_EQ(book.add(nobodys), std::nullopt);
  ASSERT_NE(book.find({"j", 1}), nullptr);
  EXPECT_EQ(book.find({"j", 1})->measured().gpu_ms, 10'000);
  EXPECT_EQ(book.find({"k", 1}), nullptr);
  book.visit([](const auto&, const Usage& usage) { return usage.latest() >= noon + 1h; });
  EXPECT_EQ(book.find({"j", 1}), nullptr);
  EXPECT_NE(book.find({"j", 2}), nullptr);
  book.forget({"j", 2});
  book.visit([](const auto& key, const Usage&) {
    ADD_FAILURE() << key.job_id;
    return true;
  });
}

// Against a map, with attempts that come and go.
TEST(UsageBook, FindsWhatItHoldsAndNothingElse) {
  UsageBook book(200);
  std::map<std::string, std::int64_t> expected;
  std::mt19937 random(1);
  for (int step = 1; step <= 20'000; ++step) {
    const auto job = "job-" + std::to_string(random() % 300);
    auto reading = gpu(noon + step * 1s, 50);
    reading.job_id = job;
    if (random() % 3 == 0) {
      book.forget({job, 1});
      expected.erase(job);
    } else if (expected.contains(job) || expected.size() < 200) {
      ASSERT_EQ(book.add(reading), Outcome::counted) << job;
      expected[job] += 10'000;
    } else {
      ASSERT_EQ(book.add(reading), Outcome::no_room) << job;
    }
    if (step % 1'000 != 0) continue;
    std::map<std::string, std::int64_t> found;
    book.visit([&](const auto& key, const Usage& usage) {
      found[key.job_id] = usage.measured().gpu_ms;
      const bool keeps = random() % 2 == 0;
      if (!keeps) expected.erase(key.job_id);
      EXPECT_EQ(book.find(key), &usage);
      return keeps;
    });
    for (const auto& [id, time] : expected) ASSERT_EQ(found[id], time) << id;
  }
}

}  // namespace
}  // namespace oppen::cost
