// What the rules of GPUs and nodes see.
#include "tests/unit/alerts/at.hpp"
#include "workers/anomaly/rules/xid.hpp"

namespace oppen::anomaly {
namespace {

using testing::HasSubstr;

TEST(GpuFault, TellsHardwareFromWhatRunsThere) {
  Told rule(gpu_fault());
  auto fallen = sample_of("gpu-1");
  fallen.xid = 79;
  auto faulted = sample_of("gpu-2");
  faulted.xid = 31;
  auto ecc = sample_of("gpu-3");
  ecc.ecc_errors = 2;
  rule.tell(fallen, at(0s));
  rule.tell(faulted, at(1s));
  rule.tell(ecc, at(2s));
  auto well = sample_of("gpu-4");
  well.xid = 0;
  rule.tell(well, at(2s));
  const auto found = rule.look(at(1min));
  ASSERT_EQ(found.size(), 3);
  EXPECT_EQ(found[0].labels.at("class"), "hardware");
  EXPECT_EQ(found[0].severity, "critical");
  EXPECT_THAT(found[0].summary, HasSubstr("XID 79 (GPU has fallen off the bus)"));
  EXPECT_EQ(found[1].labels.at("class"), "application");
  EXPECT_EQ(found[1].severity, "info");
  EXPECT_EQ(found[2].severity, "critical");
  EXPECT_THAT(found[2].summary, HasSubstr("2 uncorrected ECC errors"));
}

TEST(GpuFault, LastsAnHourSinceTheLastOneAlsoOverARestart) {
  Told rule(gpu_fault());
  auto fallen = sample_of("gpu-1");
  fallen.xid = 79;
  rule.tell(fallen, at(0s));
  rule.tell(fallen, at(30min));
  rule.restart(gpu_fault());
  EXPECT_TRUE(rule.holds(at(89min), "gpu_fault"));
  EXPECT_EQ(rule.look(at(89min), "gpu_fault")->actual, 2);
  const auto over = rule.look(at(90min), "gpu_fault");
  ASSERT_TRUE(over);
  EXPECT_FALSE(over->holds);
  rule.look(at(3h));
  EXPECT_TRUE(rule.look(at(3h)).empty());
}

TEST(GpuFault, ACodeThatIsNotKnownIsTheDrivers) {
  EXPECT_EQ(xid_of(9'998).of, "driver");
  EXPECT_EQ(xid_of(9'998).severity, "warning");
}

TEST(GpuHot, BeginsAndEndsAtDifferentDegrees) {
  Told rule(gpu_hot());
  auto sample = sample_of("gpu-1");
  const auto at_degrees = [&](double degrees, std::chrono::minutes from) {
    sample.temperature_celsius = degrees;
    for (auto second = 0s; second < 5min; second += 10s) rule.tell(sample, at(from + second));
  };
  at_degrees(84, 0min);
  EXPECT_FALSE(rule.holds(at(5min), "gpu_hot"));
  at_degrees(88, 5min);
  EXPECT_TRUE(rule.holds(at(10min), "gpu_hot"));
  EXPECT_EQ(rule.look(at(10min), "gpu_hot")->severity, "warning");
  at_degrees(82, 10min);
  EXPECT_TRUE(rule.holds(at(15min), "gpu_hot"));
  at_degrees(95, 15min);
  EXPECT_EQ(rule.look(at(20min), "gpu_hot")->severity, "critical");
  at_degrees(70, 20min);
  EXPECT_FALSE(rule.holds(at(25min), "gpu_hot"));
  EXPECT_TRUE(rule.look(at(40min)).empty());  // nothing is heard of it any more
}

TEST(GpuThrottled, NotByWhatWasChosen) {
  Told rule(gpu_throttled());
  auto chosen = sample_of("gpu-1");
  chosen.throttle_reasons = {"sw_power_cap", "applications_clocks_setting"};
  auto braked = sample_of("gpu-2");
  braked.throttle_reasons = {"sw_power_cap", "hw_power_brake_slowdown"};
  for (auto second = 0s; second < 5min; second += 10s) {
    rule.tell(chosen, at(second));
    rule.tell(braked, at(second));
  }
  const auto found = rule.look(at(5min));
  ASSERT_EQ(found.size(), 1);
  EXPECT_TRUE(found[0].holds);
  EXPECT_THAT(found[0].summary, HasSubstr("hw_power_brake_slowdown"));
  braked.throttle_reasons.clear();
  for (auto second = 5min + 0s; second < 15min; second += 10s) rule.tell(braked, at(second));
  EXPECT_FALSE(rule.holds(at(15min), "gpu_throttled"));
}

TEST(TelemetryStopped, OfANodeThatIsThere) {
  Told rule(telemetry_stopped());
  rule.tell(sample_of("gpu-1"), at(0s));
  EXPECT_FALSE(rule.holds(at(6min), "telemetry_stopped")) << "it may have been taken away";
  auto started = change_of("job", 1, JobChange::What::started);
  started.node = "node-1";
  rule.tell(started, at(0s));
  EXPECT_FALSE(rule.holds(at(5min), "telemetry_stopped"));
  EXPECT_TRUE(rule.holds(at(6min), "telemetry_stopped"));
  NodeObserved down{"node-1", 8, "A100", 0, 0, "not_ready"};
  rule.tell(down, at(7min));
  EXPECT_FALSE(rule.holds(at(8min), "telemetry_stopped"));
  down.state = "ready";
  rule.tell(down, at(9min));
  EXPECT_TRUE(rule.holds(at(9min), "telemetry_stopped"));
  rule.tell(sample_of("gpu-1"), at(10min));
  EXPECT_FALSE(rule.holds(at(10min), "telemetry_stopped"));
  down.state = "gone";
  rule.tell(down, at(11min));
  rule.restart(telemetry_stopped());
  EXPECT_TRUE(rule.look(at(20min)).empty());
}

TEST(TelemetryStopped, NotOnceTheJobThereHasEnded) {
  Told rule(telemetry_stopped());
  rule.tell(sample_of("gpu-1"), at(0s));
  auto started = change_of("job", 1, JobChange::What::started);
  started.node = "node-1";
  rule.tell(started, at(0s));
  rule.restart(telemetry_stopped());
  EXPECT_TRUE(rule.holds(at(6min), "telemetry_stopped"));
  rule.tell(change_of("job", 2, JobChange::What::requeued), at(7min));
  EXPECT_FALSE(rule.holds(at(7min), "telemetry_stopped"));
}

}  // namespace
}  // namespace oppen::anomaly
