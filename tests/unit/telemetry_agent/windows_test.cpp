// Proves what a sample tells of, and when there is one: the grid, means and maxima, news and its limits, missing readings, clocks.
#include "producers/telemetry/windows.hpp"

#include <gmock/gmock.h>

#include <numeric>

#include "tests/unit/telemetry_agent/scripted.hpp"

namespace oppen::telemetry {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Holders = std::vector<Holder>;

class WindowsTest : public testing::Test {
 protected:
  std::vector<GpuSample> read(int milliseconds, const GpuReading& reading,
                              const Holders& holders = {}) {
    return windows.add({at(milliseconds), {reading}}, {holders});
  }
  // One reading a second, after each of which nothing is to be told.
  void quiet(int from, int to, const GpuReading& reading = gpu(), const Holders& holders = {}) {
    for (int second = from; second <= to; ++second)
      EXPECT_THAT(read(second * 1000, reading, holders), IsEmpty()) << second;
  }
  Windows windows{"node-1", 10s, 1s};
};

TEST_F(WindowsTest, TellMeansAndMaximaOfTenSeconds) {
  for (int second = 1; second <= 10; ++second)
    EXPECT_THAT(read(second * 1000, gpu(second * 10)), IsEmpty());
  const auto samples = read(11'000, gpu());
  ASSERT_THAT(samples, SizeIs(1));
  const auto& sample = samples[0];
  EXPECT_EQ(sample.node, "node-1");
  EXPECT_EQ(sample.gpu_uuid, "GPU-a");
  EXPECT_EQ(sample.gpu_type, "A100");
  EXPECT_EQ(sample.sampled_at, at(10'000));
  EXPECT_DOUBLE_EQ(sample.interval_seconds, 10);
  EXPECT_DOUBLE_EQ(sample.utilization_percent, 55);
  EXPECT_EQ(sample.utilization_max_percent, 100);
  EXPECT_EQ(sample.memory_used_mb, 1000);
  EXPECT_EQ(sample.sm_active_percent, std::nullopt);
  EXPECT_EQ(sample.pod, "");
  EXPECT_EQ(sample.share, std::nullopt);
  EXPECT_EQ(sample.ecc_errors, std::nullopt);
}

TEST_F(WindowsTest, CutOnTheGridWheneverTheyBegan) {
  quiet(7, 10);
  const auto samples = read(11'300, gpu());
  ASSERT_THAT(samples, SizeIs(1));
  EXPECT_EQ(samples[0].sampled_at, at(10'000));
  EXPECT_DOUBLE_EQ(samples[0].interval_seconds,
                   4);  // from 6 s: a reading tells of the second before
  const auto rest = windows.flush();
  ASSERT_THAT(rest, SizeIs(1));
  EXPECT_EQ(rest[0].sampled_at, at(11'300));
  EXPECT_DOUBLE_EQ(rest[0].interval_seconds, 1.3);  // no moment is told of twice, none is left out
}

TEST_F(WindowsTest, ClaimNoTimeWithoutReadings) {
  quiet(1, 4);
  const auto samples = read(27'000, gpu());
  ASSERT_THAT(samples, SizeIs(1));
  EXPECT_EQ(samples[0].sampled_at, at(4'000));
  EXPECT_DOUBLE_EQ(samples[0].interval_seconds, 4);
  EXPECT_DOUBLE_EQ(windows.flush()[0].interval_seconds, 1);
}

TEST_F(WindowsTest, TellOfAGpuThatIsGone) {
  quiet(1, 4);
  EXPECT_THAT(windows.add({at(5'000), {}}, {}), IsEmpty());
  const auto samples = windows.add({at(11'000), {}}, {});
  ASSERT_THAT(samples, SizeIs(1));
  EXPECT_EQ(samples[0].sampled_at, at(4'000));
  EXPECT_THAT(windows.flush(), IsEmpty());
}

TEST_F(WindowsTest, TellAnotherXidAtOnce) {
  auto reading = gpu();
  reading.last_xid = 31;  // there before: no news
  quiet(1, 2, reading);
  reading.last_xid = 79;
  auto samples = read(3'000, reading);
  ASSERT_THAT(samples, SizeIs(1));
  EXPECT_EQ(samples[0].xid, 79);
  EXPECT_EQ(samples[0].sampled_at, at(3'000));
  EXPECT_DOUBLE_EQ(samples[0].interval_seconds, 3);
  quiet(4, 10, reading);  // it stays in the driver's memory
  samples = read(11'000, reading);
  ASSERT_THAT(samples, SizeIs(1));
  EXPECT_EQ(samples[0].xid, std::nullopt);
  EXPECT_DOUBLE_EQ(samples[0].interval_seconds, 7);
}

TEST_F(WindowsTest, TellTheFirstXidOfSeveralAndTheSameOneAgain) {
  auto reading = gpu();
  reading.last_xid = 0;
  quiet(1, 2, reading);
  reading.last_xid = 79;
  reading.new_xids = {48, 63, 79};
  auto samples = read(3'000, reading);
  ASSERT_THAT(samples, SizeIs(1));
  EXPECT_EQ(samples[0].xid, 48);
  reading.new_xids.clear();
  quiet(4, 10, reading);
  samples = read(11'000, reading);
  ASSERT_THAT(samples, SizeIs(1));
  EXPECT_EQ(samples[0].xid, std::nullopt);
  quiet(12, 13, reading);
  reading.new_xids = {79};
  samples = read(14'000, reading);
  ASSERT_THAT(samples, SizeIs(1));
  EXPECT_EQ(samples[0].xid, 79);
}

TEST_F(WindowsTest, TellTheXidOfAGpuThatTellsNothingElseAnyMore) {
  quiet(1, 10);
  GpuReading dying;
  dying.uuid = "GPU-a";
  dying.name = "A100";
  EXPECT_THAT(read(11'000, dying), SizeIs(1));
  dying.last_xid = 79;
  const auto samples = read(12'000, dying);
  ASSERT_THAT(samples, SizeIs(1));
  EXPECT_EQ(samples[0].xid, 79);
  EXPECT_EQ(samples[0].utilization_percent, 0);
  EXPECT_EQ(samples[0].utilization_max_percent, std::nullopt);
  EXPECT_EQ(samples[0].sampled_at, at(12'000));
  quiet(13, 40, dying);  // old news
}

TEST_F(WindowsTest, TellEccErrorsAtOnceAndCountThem) {
  auto reading = gpu();
  reading.ecc_errors_total = 5;
  quiet(1, 2, reading);
  reading.ecc_errors_total = 7;
  auto samples = read(3'000, reading);
  ASSERT_THAT(samples, SizeIs(1));
  EXPECT_EQ(samples[0].ecc_errors, 2);
  reading.ecc_errors_total = 1;  // the driver counts anew
  quiet(4, 10, reading);
  samples = read(11'000, reading);
  ASSERT_THAT(samples, SizeIs(1));
  EXPECT_EQ(samples[0].ecc_errors, 1);
}

TEST_F(WindowsTest, NewsThatFlapsIsToldAtMostOncePerWindowBeyondTheWindowsEnd) {
  quiet(1, 1);
  std::size_t count = 0;
  double told = 0;
  for (int second = 2; second <= 101; ++second) {
    auto reading = gpu();
    reading.last_xid = second;  // another one each second
    if (second % 2 == 0) reading.throttle_reasons = {"hw_thermal_slowdown"};
    for (const auto& sample : read(second * 1000, reading)) {
      ++count;
      told += sample.interval_seconds;
    }
  }
  EXPECT_LE(count, 22u);
  EXPECT_GE(count, 10u);
  EXPECT_NEAR(told + windows.flush()[0].interval_seconds, 101, 1e-9);
}

TEST_F(WindowsTest, ThrottlingIsNewsWhenItAppears) {
  quiet(1, 2);
  auto hot = gpu();
  hot.throttle_reasons = {"hw_thermal_slowdown", "sw_power_cap"};
  auto samples = read(3'000, hot);
  ASSERT_THAT(samples, SizeIs(1));
  EXPECT_THAT(samples[0].throttle_reasons, ElementsAre("hw_thermal_slowdown", "sw_power_cap"));
  // What comes and goes stays known for a minute.
  for (int second = 4; second <= 30; ++second)
    for (const auto& sample : read(second * 1000, second % 3 == 0 ? hot : gpu()))
      EXPECT_EQ(sample.sampled_at.time_since_epoch() % 10s, 0ms) << second;
}

TEST_F(WindowsTest, EndWhenAPodTakesTheGpu) {
  quiet(1, 3);
  const auto samples = read(4'000, gpu(90), {holder("a")});
  ASSERT_THAT(samples, SizeIs(1));
  EXPECT_EQ(samples[0].pod, "");
  EXPECT_EQ(samples[0].sampled_at, at(3'000));
  quiet(5, 10, gpu(90), {holder("a")});
  const auto after = read(11'000, gpu(0), {});
  ASSERT_THAT(after, SizeIs(1));
  EXPECT_EQ(after[0].job_id, "a");
  EXPECT_EQ(after[0].attempt, 1);
  EXPECT_EQ(after[0].share, 1.0);
  EXPECT_DOUBLE_EQ(after[0].interval_seconds, 7);
  EXPECT_DOUBLE_EQ(after[0].utilization_percent, 90);
}

TEST_F(WindowsTest, SharesOfAGpuAddUpToOne) {
  for (int second = 1; second <= 10; ++second)
    read(second * 1000, gpu(), {holder("a", 1.0 / 3), holder("b", 1.0 / 3), holder("c", 1.0 / 3)});
  const auto samples = read(11'000, gpu(), {holder("a")});
  ASSERT_THAT(samples, SizeIs(3));
  EXPECT_EQ(*samples[0].share + *samples[1].share + *samples[2].share, 1.0);
  EXPECT_EQ(samples[1].pod, "b-1");
  EXPECT_NEAR(*samples[1].share, 1.0 / 3, 0.001);
}

TEST_F(WindowsTest, PodsThatTakeTurnsCannotFloodTheBus) {
  std::size_t count = 0;
  for (int second = 1; second <= 100; ++second)
    count += read(second * 1000, gpu(), {holder(second % 2 == 0 ? "a" : "b")}).size();
  EXPECT_LE(count, 40u);  // two windows of two pods each 10 s
}

TEST_F(WindowsTest, WhatIsNotToldIsNotMadeUp) {
  GpuReading silent;
  silent.uuid = "GPU-a";
  quiet(1, 10, silent);
  EXPECT_THAT(read(11'000, silent), IsEmpty());
  silent.sm_active_percent = 40;
  quiet(12, 20, silent);
  const auto samples = read(21'000, silent);
  ASSERT_THAT(samples, SizeIs(1));
  EXPECT_DOUBLE_EQ(samples[0].utilization_percent, 40);
  EXPECT_EQ(samples[0].sm_active_percent, 40);
  EXPECT_EQ(samples[0].utilization_max_percent, std::nullopt);
}

TEST_F(WindowsTest, AClockSetBackALittleIsWaitedFor) {
  quiet(1, 8);
  quiet(5, 8);  // again
  quiet(9, 10);
  const auto samples = read(11'000, gpu());
  ASSERT_THAT(samples, SizeIs(1));
  EXPECT_DOUBLE_EQ(samples[0].interval_seconds, 10);
}

TEST_F(WindowsTest, AClockSetBackFarBeginsAnew) {
  quiet(101, 104);
  const auto samples = read(2'000, gpu());
  ASSERT_THAT(samples, SizeIs(1));
  EXPECT_EQ(samples[0].sampled_at, at(104'000));
  const auto rest = windows.flush();
  ASSERT_THAT(rest, SizeIs(1));
  EXPECT_EQ(rest[0].sampled_at, at(2'000));
  EXPECT_DOUBLE_EQ(rest[0].interval_seconds, 1);
}

}  // namespace
}  // namespace oppen::telemetry
