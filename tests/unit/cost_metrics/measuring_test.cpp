// What telemetry tells gets into the books once, also when the worker dies and reads some of it again.
#include "workers/cost/worker/measuring.hpp"

#include "tests/unit/cost_ledger/ledger_fixture.hpp"

namespace oppen::cost {
namespace {

using namespace std::chrono_literals;

const Time measured_noon = at("2026-01-03T12:00:00Z");

GpuReading sample(Time time) {
  GpuReading reading;
  reading.device = key_of_device("GPU-1");
  reading.job_id = "a";
  reading.attempt = 1;
  reading.sampled_at = time;
  reading.interval_ms = 10'000;
  reading.utilization_percent = 25;
  return reading;
}

class MeasuringTest : public testing::Test {
 protected:
  // Charges up to a time, as a turn of the worker does; what is stored then.
  Change turn(Measuring& measuring, Time time) {
    Change change;
    charges = ledger.charge(time, 1'000);
    measuring.settle(ledger, charges, rates, change);
    measuring.store_all(ledger, false, change);
    for (const auto& row : change.measured) sum += row.spent;
    for (const auto& [name, text] : change.usages) stored[name] = text;
    std::erase_if(stored, [](const auto& one) { return one.second.empty(); });
    return change;
  }
  static void read(Measuring& measuring, const GpuReading& reading) {
    measuring.add(reading);
    ++measuring.next;
  }
  std::int64_t gpu_price(std::chrono::milliseconds time) {
    return rates.price(bearer().usage, measured_noon, measured_noon + time).gpu.value;
  }

  pricing::RateHistory rates;
  Ledger ledger{rates};
  std::vector<Charge> charges;
  std::map<std::string, std::string> stored;
  Spent sum;
};

TEST_F(MeasuringTest, DividesWhatWasCharged) {
  ledger.apply(began(measured_noon));
  Measuring measuring;
  for (const auto time : {10s, 20s}) measuring.add(sample(measured_noon + time));
  const auto change = turn(measuring, measured_noon + 30s);
  ASSERT_EQ(change.measured.size(), 1U);
  EXPECT_EQ(change.measured[0].key.team, "vision");
  EXPECT_NEAR(static_cast<double>(sum.measured_microusd), static_cast<double>(gpu_price(20s)), 1);
  EXPECT_NEAR(static_cast<double>(sum.effective_microusd), static_cast<double>(gpu_price(20s)) / 4,
              1);
  EXPECT_EQ(sum.total_microusd, 0) << "no money is made of it";
  const auto& record = ledger.job("a").run.record;
  EXPECT_EQ(record.gpu_utilization_percent, 25);
  EXPECT_EQ(record.utilization_source, "gpu_utilization");
  EXPECT_EQ(record.spent.measured_microusd, sum.measured_microusd);
}

TEST_F(MeasuringTest, WhatIsReadAgainAfterACrashCountsOnce) {
  ledger.apply(began(measured_noon));
  {
    Measuring died;
    for (const auto time : {10s, 20s, 30s}) read(died, sample(measured_noon + time));
    turn(died, measured_noon + 30s);
  }
  Measuring next;
  ASSERT_TRUE(next.load(stored));
  for (const auto time : {10s, 20s, 30s, 40s}) next.add(sample(measured_noon + time));
  ledger.apply(ended(measured_noon, measured_noon + 45s));
  turn(next, measured_noon + 1min);
  EXPECT_NEAR(static_cast<double>(sum.measured_microusd), static_cast<double>(gpu_price(40s)), 1);
  EXPECT_TRUE(stored.empty()) << "it is charged to its end";
}

TEST_F(MeasuringTest, StoresWhereItIsWithAllOfIt) {
  Measuring measuring;
  EXPECT_TRUE(turn(measuring, measured_noon).empty()) << "nothing was read";
  measuring.next = 6;
  read(measuring, sample(measured_noon));
  EXPECT_EQ(turn(measuring, measured_noon).telemetry, 7);
  EXPECT_TRUE(stored.contains("a/1")) << "of an attempt whose events are yet to come";
  read(measuring, sample(measured_noon + 10s));
  EXPECT_FALSE(turn(measuring, measured_noon).telemetry) << "at times";
  Change careful;
  measuring.store_all(ledger, true, careful);
  EXPECT_EQ(careful.telemetry, 8);
  EXPECT_EQ(careful.usages.size(), 1U);
  measuring.next += 1;  // what can't be read
  Change bad;
  measuring.store_all(ledger, true, bad);
  EXPECT_EQ(bad.telemetry, 9);
  EXPECT_TRUE(bad.usages.empty()) << "nothing has changed";
  Measuring later;
  EXPECT_EQ(later.load({{"a/1", "no usage"}}).error().kind, ErrorKind::fatal);
}

// After a pause of hours samples are read that are as old; what came before them has been counted.
TEST_F(MeasuringTest, OnlyWhatTheSamplesHaveLeftBehindIsForgotten) {
  Measuring first;
  read(first, sample(measured_noon));
  turn(first, measured_noon);
  Measuring later;
  ASSERT_TRUE(later.load(stored));
  read(later, sample(measured_noon + 10s));
  turn(later, measured_noon + 5h);
  EXPECT_TRUE(stored.contains("a/1"));
  ledger.apply(began(measured_noon));
  for (const char* job_id : {"b", "c"}) {
    auto other = sample(measured_noon + 1h);
    other.job_id = job_id;
    other.sampled_at += job_id[0] == 'c' ? 1h : 0h;
    read(later, other);
  }
  Change change;
  later.store_all(ledger, true, change);
  for (const auto& [name, text] : change.usages) EXPECT_EQ(text.empty(), name == "b/1") << name;
}

// At 22:00 the off-peak window opens.
TEST_F(MeasuringTest, TimeHasThePriceOfWhenItWasCharged) {
  const Time start = at("2026-01-03T21:59:30Z");
  ledger.apply(began(start));
  Measuring measuring;
  measuring.add(sample(start + 10s));
  turn(measuring, start + 35s);
  EXPECT_NEAR(static_cast<double>(sum.measured_microusd),
              static_cast<double>(rates.price(bearer().usage, start, start + 10s).gpu.value), 1);
}

}  // namespace
}  // namespace oppen::cost
