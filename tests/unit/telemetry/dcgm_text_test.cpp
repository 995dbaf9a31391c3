// Proves that a DCGM exporter's metrics are understood in its versions' spellings, and that sentinels are no values.
#include "producers/telemetry/sources/dcgm_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/telemetry/data.hpp"

namespace oppen::telemetry {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<GpuReading> gpus_of(const std::string& file) {
  const auto gpus = parse_dcgm(data("dcgm/" + file));
  EXPECT_TRUE(gpus) << gpus.error().message;
  return gpus.value_or(std::vector<GpuReading>{});
}

TEST(Dcgm, Version20WithoutModelAndHost) {
  const auto gpus = gpus_of("2.0-v100.prom");
  ASSERT_THAT(gpus, SizeIs(1));
  EXPECT_EQ(gpus[0].uuid, gpu0);
  EXPECT_EQ(gpus[0].name, "");
  EXPECT_EQ(gpus[0].utilization_percent, 44);
  EXPECT_EQ(gpus[0].temperature_celsius, 55);
  EXPECT_EQ(gpus[0].power_watts, 302.206);
  EXPECT_EQ(gpus[0].memory_used_mb, 15228);
  EXPECT_EQ(gpus[0].memory_total_mb, 15228 + 17250);
  EXPECT_EQ(gpus[0].last_xid, 0);
  EXPECT_EQ(gpus[0].ecc_errors_total, std::nullopt);
  EXPECT_EQ(gpus[0].pod, "");
}

TEST(Dcgm, OlderLabelNames) {
  const auto gpus = gpus_of("2.0-old-names.prom");
  ASSERT_THAT(gpus, SizeIs(1));
  EXPECT_EQ(gpus[0].uuid, gpu0);
  EXPECT_EQ(gpus[0].pod, "bert-1");
  EXPECT_EQ(gpus[0].pod_namespace, "ml-training");
}

TEST(Dcgm, Version23WithPodsAndProfiling) {
  const auto gpus = gpus_of("2.3-t4.prom");
  ASSERT_THAT(gpus, SizeIs(2));
  EXPECT_EQ(gpus[0].name, "Tesla T4");
  EXPECT_EQ(gpus[0].utilization_percent, 91) << "where it is there, and not the engine's activity";
  ASSERT_TRUE(gpus[0].sm_active_percent);
  EXPECT_NEAR(*gpus[0].sm_active_percent, 41.582, 1e-9);
  EXPECT_EQ(gpus[0].last_xid, 31);
  EXPECT_EQ(gpus[0].ecc_errors_total, 0);
  EXPECT_THAT(gpus[0].throttle_reasons, ElementsAre("sw_power_cap"));
  EXPECT_EQ(gpus[0].pod, "resnet-1");
  EXPECT_EQ(gpus[0].pod_namespace, "ml-training");
  EXPECT_THAT(gpus[0].sharing, IsEmpty());
  EXPECT_EQ(gpus[1].uuid, gpu1);
  EXPECT_EQ(gpus[1].index, 1);
  EXPECT_EQ(gpus[1].pod, "");
  EXPECT_EQ(gpus[1].memory_used_mb, std::nullopt);
}

TEST(Dcgm, MigInstancesAreReadingsOfTheirOwn) {
  const auto gpus = gpus_of("3.3-h100-mig.prom");
  ASSERT_THAT(gpus, SizeIs(2));
  EXPECT_EQ(gpus[0].uuid, gpu0 + "/7");
  EXPECT_EQ(gpus[0].name, "NVIDIA H100 80GB HBM3 MIG 1g.10gb");
  EXPECT_EQ(gpus[0].utilization_percent, 50) << "of the engine's activity: there is no GPU_UTIL";
  EXPECT_EQ(gpus[0].sm_active_percent, std::nullopt);
  EXPECT_EQ(gpus[0].memory_total_mb, 9728);
  EXPECT_EQ(gpus[0].pod, "embedder-1");
  EXPECT_EQ(gpus[1].uuid, gpu0 + "/8");
  EXPECT_EQ(gpus[1].pod, "");
}

TEST(Dcgm, Version42WithEscapedLabelsAndOtherDevices) {
  const auto gpus = gpus_of("4.2-h100.prom");
  ASSERT_THAT(gpus, SizeIs(2)) << "a switch and a processor are no GPUs";
  EXPECT_EQ(gpus[0].pod, "llama-2");
  EXPECT_EQ(gpus[0].memory_total_mb, 74231 + 6500 + 828);
  EXPECT_EQ(gpus[0].last_xid, 79);
  EXPECT_EQ(gpus[0].ecc_errors_total, 1);
  EXPECT_THAT(gpus[0].throttle_reasons, ElementsAre("sw_power_cap", "hw_thermal_slowdown"));
  EXPECT_EQ(gpus[1].temperature_celsius, std::nullopt);
}

TEST(Dcgm, PodsThatShareAGpuAreListed) {
  const auto gpus = gpus_of("4.2-shared.prom");
  ASSERT_THAT(gpus, SizeIs(1));
  EXPECT_EQ(gpus[0].utilization_percent, 80);
  EXPECT_EQ(gpus[0].pod, "");
  EXPECT_THAT(gpus[0].sharing,
              ElementsAre(PodName{"a-1", "ml-training"}, PodName{"b-1", "ml-training"}));
}

TEST(Dcgm, SentinelsAreAbsent) {
  const auto gpus = gpus_of("sentinels.prom");
  ASSERT_THAT(gpus, SizeIs(1));
  EXPECT_EQ(gpus[0].utilization_percent, std::nullopt);
  EXPECT_EQ(gpus[0].sm_active_percent, std::nullopt);
  EXPECT_EQ(gpus[0].memory_used_mb, std::nullopt);
  EXPECT_EQ(gpus[0].memory_total_mb, 81559) << "this one is known";
  EXPECT_EQ(gpus[0].temperature_celsius, std::nullopt);
  EXPECT_EQ(gpus[0].power_watts, std::nullopt);
  EXPECT_EQ(gpus[0].last_xid, std::nullopt);
  EXPECT_EQ(gpus[0].ecc_errors_total, std::nullopt);
  EXPECT_THAT(gpus[0].throttle_reasons, IsEmpty());
}

TEST(Dcgm, BehindAPrometheusThePodIsTheExportedOne) {
  const auto gpus = gpus_of("federated.prom");
  ASSERT_THAT(gpus, SizeIs(1));
  EXPECT_EQ(gpus[0].pod, "bert-1");
  EXPECT_EQ(gpus[0].pod_namespace, "ml-training");
  EXPECT_EQ(gpus[0].utilization_percent, 37) << "a time stamp stands behind it";
  EXPECT_EQ(gpus[0].memory_used_mb, 12000);
}

TEST(Dcgm, WithoutAGpuIsUnavailable) {
  for (const char* text : {"", "# nothing yet\n", "go_goroutines 42\n",
                           "DCGM_FI_DEV_GPU_UTIL{gpu=\"0\"} 5\n", "DCGM_FI_DEV_GPU_UTIL 5\n"}) {
    const auto gpus = parse_dcgm(text);
    ASSERT_FALSE(gpus) << text;
    EXPECT_EQ(gpus.error().kind, ErrorKind::unavailable) << text;
  }
}

TEST(Dcgm, OtherTextIsInvalidByLine) {
  for (const char* line :
       {"DCGM_FI_DEV_GPU_UTIL{gpu=\"0\",UUID=\"GPU-1\"}",
        "DCGM_FI_DEV_GPU_UTIL{UUID=\"GPU-1\"} five", "DCGM_FI_DEV_GPU_UTIL{UUID=\"GPU-1 5",
        "DCGM_FI_DEV_GPU_UTIL{UUID=\"GPU-1\\", "DCGM_FI_DEV_GPU_UTIL{UUID=GPU-1} 5",
        "DCGM_FI_DEV_GPU_UTIL{UUID} 5", "DCGM_FI_DEV_GPU_UTIL{UUID=\"GPU-1\"",
        "DCGM_FI_DEV_GPU_UTIL{=\"GPU-1\"} 5", "DCGM_FI_DEV_GPU_UTIL{UUID=\"GPU-1\"gpu=\"0\"} 5"}) {
    const auto gpus = parse_dcgm("# HELP\n" + std::string(line) + "\n");
    ASSERT_FALSE(gpus) << line;
    EXPECT_EQ(gpus.error().kind, ErrorKind::invalid) << line;
    EXPECT_THAT(gpus.error().message, HasSubstr("line 2 of the metrics is \"DCGM_FI_DEV_GPU_UTIL"));
  }
}

}  // namespace
}  // namespace oppen::telemetry
