// Proves what is read through NVML, against a library that plays the driver.
#include "producers/telemetry/sources/nvml.hpp"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/unit/telemetry/data.hpp"
#include "tests/unit/telemetry/fake_nvml.hpp"

namespace oppen::telemetry {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr unsigned long long mib = 1024 * 1024;
constexpr unsigned long long xid_event = 8;

struct Nvml : testing::Test {
  explicit Nvml(const char* file = FAKE_NVML) : library(file) {
    handle = ::dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) throw std::runtime_error(::dlerror());
    driver = reinterpret_cast<FakeNvml* (*)()>(::dlsym(handle, "fake_nvml_state"))();
    *driver = FakeNvml{};
    driver->count = 2;
    FakeGpu& busy = driver->gpus[0];
    busy.uuid = gpu0.c_str();
    busy.name = "NVIDIA H100 80GB HBM3";
    busy.utilization = 99;
    busy.memory_total = 81559 * mib;
    busy.memory_used = 74231 * mib;
    busy.celsius = 64;
    busy.milliwatts = 689'120;
    busy.ecc_uncorrected = 3;
    busy.reasons = 0x44;
    busy.process_count = 2;
    busy.processes[0] = {4711, 74000 * mib};
    busy.processes[1] = {4712, ~0ULL};
    driver->gpus[1].uuid = gpu1.c_str();
    driver->gpus[1].name = "NVIDIA H100 80GB HBM3";
    driver->gpus[1].mute = true;
  }
  ~Nvml() override {
    EXPECT_EQ(driver->initialised, 0);
    EXPECT_EQ(driver->event_sets, 0);
    EXPECT_EQ(driver->gpm_samples, 0);
    ::dlclose(handle);
  }

  std::unique_ptr<Source> opened() {
    auto source = open_nvml(library, clock);
    EXPECT_TRUE(source) << source.error().message;
    return std::move(*source);
  }
  static Readings read(Source& source) {
    const auto readings = source.read();
    EXPECT_TRUE(readings) << readings.error().message;
    return readings.value_or(Readings{});
  }
  void add_event(unsigned gpu, unsigned long long type, unsigned long long data) {
    driver->events[driver->event_count++] = {gpu, type, data};
  }

  std::string library;
  void* handle = nullptr;
  FakeNvml* driver = nullptr;
  FixedClock clock;
};

struct NvmlOfOldDriver : Nvml {
  NvmlOfOldDriver() : Nvml(FAKE_NVML_OLD) {}
};

TEST_F(Nvml, GivesAllThatTheDriverTells) {
  const auto source = opened();
  EXPECT_EQ(source->name(), "nvml");
  const Readings readings = read(*source);
  EXPECT_EQ(readings.at, clock.now());
  ASSERT_THAT(readings.gpus, SizeIs(2));
  const GpuReading& gpu = readings.gpus[0];
  EXPECT_EQ(gpu.uuid, gpu0);
  EXPECT_EQ(gpu.index, 0);
  EXPECT_EQ(gpu.name, "NVIDIA H100 80GB HBM3");
  EXPECT_EQ(gpu.utilization_percent, 99);
  EXPECT_EQ(gpu.memory_total_mb, 81559);
  EXPECT_EQ(gpu.memory_used_mb, 74231) << "without what the driver reserves";
  EXPECT_EQ(gpu.temperature_celsius, 64);
  EXPECT_EQ(gpu.power_watts, 689.12);
  EXPECT_EQ(gpu.ecc_errors_total, 3);
  EXPECT_EQ(gpu.last_xid, 0);
  EXPECT_EQ(gpu.sm_active_percent, std::nullopt);
  EXPECT_THAT(gpu.throttle_reasons, ElementsAre("sw_power_cap", "hw_thermal_slowdown"));
  ASSERT_THAT(gpu.processes, SizeIs(2));
  EXPECT_EQ(gpu.processes[0].pid, 4711);
  EXPECT_EQ(gpu.processes[0].memory_mb, 74000);
  EXPECT_EQ(gpu.processes[1].memory_mb, std::nullopt);
  EXPECT_EQ(gpu.processes[0].utilization_percent, std::nullopt)
      << "no samples, so nothing is known";
}

TEST_F(Nvml, WhatIsNotSupportedIsAbsent) {
  const auto source = opened();
  const Readings readings = read(*source);
  ASSERT_THAT(readings.gpus, SizeIs(2));
  const GpuReading& gpu = readings.gpus[1];
  EXPECT_EQ(gpu.uuid, gpu1);
  EXPECT_EQ(gpu.index, 1);
  EXPECT_EQ(gpu.utilization_percent, std::nullopt);
  EXPECT_EQ(gpu.memory_total_mb, std::nullopt);
  EXPECT_EQ(gpu.temperature_celsius, std::nullopt);
  EXPECT_EQ(gpu.power_watts, std::nullopt);
  EXPECT_EQ(gpu.ecc_errors_total, std::nullopt);
  EXPECT_EQ(gpu.last_xid, std::nullopt) << "no events of this one";
  EXPECT_THAT(gpu.throttle_reasons, IsEmpty());
  EXPECT_THAT(gpu.processes, IsEmpty());
}

TEST_F(Nvml, TellsEachXidOfItsGpuOnceAndKeepsTheLast) {
  const auto source = opened();
  add_event(0, xid_event, 31);
  add_event(0, 2, 99);  // of another kind
  add_event(0, xid_event, 79);
  const auto first = read(*source).gpus[0];
  EXPECT_EQ(first.last_xid, 79);
  EXPECT_THAT(first.new_xids, ElementsAre(31, 79));
  const auto second = read(*source).gpus[0];
  EXPECT_EQ(second.last_xid, 79);
  EXPECT_THAT(second.new_xids, IsEmpty());
  EXPECT_EQ(driver->events_taken, 3U);
  add_event(0, xid_event, 79);
  EXPECT_THAT(read(*source).gpus[0].new_xids, ElementsAre(79)) << "again";
}

TEST_F(Nvml, AStormOfEventsDoesNotHoldUpAReading) {
  const auto source = opened();
  for (unsigned event = 0; event < 300; ++event) add_event(0, xid_event, event);
  EXPECT_EQ(read(*source).gpus[0].last_xid, 255);
  EXPECT_EQ(read(*source).gpus[0].last_xid, 299);
}

TEST_F(Nvml, ALostGpuKeepsItsNameAndItsXid) {
  const auto source = opened();
  add_event(0, xid_event, 79);
  driver->gpus[0].lost = true;
  const Readings readings = read(*source);
  ASSERT_THAT(readings.gpus, SizeIs(2));
  EXPECT_EQ(readings.gpus[0].uuid, gpu0);
  EXPECT_EQ(readings.gpus[0].last_xid, 79);
  EXPECT_EQ(readings.gpus[0].utilization_percent, std::nullopt);
}

TEST_F(Nvml, AGpuThatIsLostFromTheBeginningLeavesTheOthersTheirPlaces) {
  driver->gpus[0].lost = true;
  const auto source = opened();
  const Readings readings = read(*source);
  ASSERT_THAT(readings.gpus, SizeIs(1));
  EXPECT_EQ(readings.gpus[0].uuid, gpu1);
  EXPECT_EQ(readings.gpus[0].index, 1);
}

TEST_F(Nvml, ListsManyProcesses) {
  driver->gpus[0].process_count = 200;
  for (unsigned at = 0; at < 200; ++at) driver->gpus[0].processes[at] = {at + 1, at * mib};
  const auto source = opened();
  const Readings readings = read(*source);
  ASSERT_THAT(readings.gpus[0].processes, SizeIs(200));
  EXPECT_EQ(readings.gpus[0].processes[199].memory_mb, 199);
}

TEST_F(Nvml, TakesEachProcessesNewestSample) {
  FakeGpu& gpu = driver->gpus[0];
  gpu.sample_count = 3;
  gpu.samples[0] = {4711, 1000, 50};
  gpu.samples[1] = {4711, 2000, 77};
  gpu.samples[2] = {9, 1500, 20};  // no longer running
  const auto source = opened();
  const Readings first = read(*source);
  EXPECT_EQ(first.gpus[0].processes[0].utilization_percent, 77);
  EXPECT_EQ(first.gpus[0].processes[1].utilization_percent, 0) << "it was counted, and did nothing";
  gpu.samples[0] = {4712, 3000, 4'000'000};
  const Readings second = read(*source);
  EXPECT_EQ(second.gpus[0].processes[0].utilization_percent, 0) << "its sample was seen before";
  EXPECT_EQ(second.gpus[0].processes[1].utilization_percent, std::nullopt) << "nonsense";
}

TEST_F(Nvml, GivesSmActivityFromTheSecondReadingOn) {
  driver->gpus[0].has_gpm = true;
  driver->gpus[0].sm_activity = 73.5;
  const auto source = opened();
  EXPECT_EQ(read(*source).gpus[0].sm_active_percent, std::nullopt);
  for (int tries = 0; tries < 1000 && driver->gpm_questions == 0; ++tries) {
    std::this_thread::sleep_for(20ms);
    read(*source);
  }
  EXPECT_EQ(read(*source).gpus[0].sm_active_percent, 73.5);
  driver->gpus[0].lost = true;
  for (int tries = 0; tries < 1000 && read(*source).gpus[0].sm_active_percent; ++tries)
    std::this_thread::sleep_for(20ms);
  EXPECT_EQ(read(*source).gpus[0].sm_active_percent, std::nullopt);
}

TEST_F(Nvml, GpusThatComeOrGoAreFoundAnewAndKeepTheirXid) {
  const auto source = opened();
  add_event(0, xid_event, 31);
  EXPECT_EQ(read(*source).gpus[0].last_xid, 31);
  driver->count = 3;
  driver->gpus[2].uuid = "GPU-3";
  const Readings readings = read(*source);
  ASSERT_THAT(readings.gpus, SizeIs(3));
  EXPECT_EQ(readings.gpus[0].last_xid, 31);
  EXPECT_EQ(readings.gpus[2].uuid, "GPU-3");
}

TEST_F(Nvml, ADriverThatGoesAwayIsAskedAgain) {
  const auto source = opened();
  driver->count_result = 999;
  driver->init_result = 9;
  const auto away = source->read();
  ASSERT_FALSE(away);
  EXPECT_EQ(away.error().kind, ErrorKind::unavailable);
  EXPECT_EQ(away.error().message, "nvmlInit: Driver Not Loaded");
  driver->count_result = 0;
  driver->init_result = 0;
  EXPECT_THAT(read(*source).gpus, SizeIs(2));
}

TEST_F(Nvml, WithoutADriverOrAGpuIsUnavailable) {
  driver->init_result = 9;
  EXPECT_EQ(open_nvml(library, clock).error().kind, ErrorKind::unavailable);
  driver->init_result = 0;
  driver->count = 0;
  EXPECT_EQ(open_nvml(library, clock).error().kind, ErrorKind::unavailable);
}

TEST_F(NvmlOfOldDriver, GivesWhatThereWasThen) {
  const auto source = opened();
  const Readings readings = read(*source);
  ASSERT_THAT(readings.gpus, SizeIs(2));
  const GpuReading& gpu = readings.gpus[0];
  EXPECT_EQ(gpu.utilization_percent, 99);
  EXPECT_EQ(gpu.memory_used_mb, 74231 + 512) << "this one counts what the driver reserves";
  EXPECT_THAT(gpu.throttle_reasons, ElementsAre("sw_power_cap", "hw_thermal_slowdown"));
  EXPECT_EQ(gpu.last_xid, std::nullopt);
  EXPECT_EQ(gpu.sm_active_percent, std::nullopt);
  ASSERT_THAT(gpu.processes, SizeIs(2));
  EXPECT_EQ(gpu.processes[0].memory_mb, 74000);
  EXPECT_EQ(gpu.processes[1].memory_mb, std::nullopt);
  EXPECT_EQ(gpu.processes[1].pid, 4712);
}

TEST(NvmlLibrary, ThatIsNoneIsNotFound) {
  const FixedClock clock;
  const auto missing = open_nvml("libno-such-nvml.so.1", clock);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::not_found);
  EXPECT_THAT(missing.error().message, HasSubstr("libno-such-nvml.so.1"));
  const auto other = open_nvml("libm.so.6", clock);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().message, "libm.so.6 is no NVML: it lacks its functions");
}

}  // namespace
}  // namespace oppen::telemetry
