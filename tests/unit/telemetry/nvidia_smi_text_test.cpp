// Proves that nvidia-smi's text is understood in the spellings of driver generations, and what is said of other text.
#include "producers/telemetry/sources/nvidia_smi_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/telemetry/data.hpp"

namespace oppen::telemetry {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<GpuReading> gpus_of(const std::string& file) {
  const auto gpus = parse_gpus(data("nvidia-smi/" + file), gpu_columns());
  EXPECT_TRUE(gpus) << gpus.error().message;
  return gpus.value_or(std::vector<GpuReading>{});
}

Error error_of(const std::string& text, const Columns& columns = gpu_columns()) {
  const auto gpus = parse_gpus(text, columns);
  EXPECT_FALSE(gpus) << text;
  return gpus ? Error{} : gpus.error();
}

// A good row, one of whose columns says something else.
std::string row_with(const std::string& column, const std::string& value) {
  const std::vector<std::string> good{
      "0", gpu0, "33", "1294", "15360", "49", "63.71", "0", "0x0000000000000004", "Tesla T4"};
  const Columns columns = gpu_columns();
  std::string row;
  for (std::size_t at = 0; at < columns.size(); ++at)
    row += (at == 0 ? "" : ", ") + (columns[at] == column ? value : good.at(at));
  return row + "\n";
}

TEST(NvidiaSmiGpus, OfDriver470) {
  const auto gpus = gpus_of("470-t4.csv");
  ASSERT_THAT(gpus, SizeIs(2));
  EXPECT_EQ(gpus[0].uuid, gpu0);
  EXPECT_EQ(gpus[0].index, 0);
  EXPECT_EQ(gpus[0].name, "Tesla T4");
  EXPECT_EQ(gpus[0].utilization_percent, 33);
  EXPECT_EQ(gpus[0].memory_used_mb, 1294);
  EXPECT_EQ(gpus[0].memory_total_mb, 15109);
  EXPECT_EQ(gpus[0].temperature_celsius, 49);
  EXPECT_EQ(gpus[0].power_watts, 63.71);
  EXPECT_EQ(gpus[0].ecc_errors_total, 0);
  EXPECT_THAT(gpus[0].throttle_reasons, ElementsAre("sw_power_cap"));
  EXPECT_EQ(gpus[0].sm_active_percent, std::nullopt);
  EXPECT_EQ(gpus[0].last_xid, std::nullopt) << "nvidia-smi knows none";
  EXPECT_EQ(gpus[1].index, 1);
  EXPECT_EQ(gpus[1].utilization_percent, 0) << "0 is a value";
  EXPECT_THAT(gpus[1].throttle_reasons, IsEmpty()) << "idleness is no throttling";
}

TEST(NvidiaSmiGpus, OfDriver525WithEccErrors) {
  const auto gpus = gpus_of("525-v100.csv");
  ASSERT_THAT(gpus, SizeIs(2));
  EXPECT_THAT(gpus[0].throttle_reasons, ElementsAre("hw_slowdown", "sw_thermal_slowdown"));
  EXPECT_EQ(gpus[1].ecc_errors_total, 2);
}

TEST(NvidiaSmiGpus, InMigModeHaveNoUtilization) {
  const auto gpus = gpus_of("535-a100-mig.csv");
  ASSERT_THAT(gpus, SizeIs(2));
  EXPECT_EQ(gpus[0].utilization_percent, std::nullopt);
  EXPECT_EQ(gpus[0].memory_used_mb, 87);
  EXPECT_EQ(gpus[1].utilization_percent, 88);
}

TEST(NvidiaSmiGpus, WithUnits) {
  const auto gpus = gpus_of("550-h100.csv");
  ASSERT_THAT(gpus, SizeIs(1));
  EXPECT_EQ(gpus[0].utilization_percent, 99);
  EXPECT_EQ(gpus[0].memory_total_mb, 81559);
  EXPECT_EQ(gpus[0].power_watts, 689.12);
}

TEST(NvidiaSmiGpus, WhatTheDriverCannotTellIsAbsent) {
  const auto gpus = gpus_of("550-geforce.csv");
  ASSERT_THAT(gpus, SizeIs(1));
  EXPECT_EQ(gpus[0].power_watts, std::nullopt);
  EXPECT_EQ(gpus[0].ecc_errors_total, std::nullopt);
  EXPECT_THAT(gpus[0].throttle_reasons, IsEmpty());
  for (const char* untold :
       {"N/A", "[N/A]", "[Not Supported]", "[Unknown Error]", "[GPU is lost]", "ERR!", ""}) {
    const auto row = parse_gpus(row_with("power.draw", untold), gpu_columns());
    ASSERT_TRUE(row) << row.error().message;
    EXPECT_EQ((*row)[0].power_watts, std::nullopt) << untold;
    EXPECT_EQ((*row)[0].memory_used_mb, 1294) << untold;
  }
}

TEST(NvidiaSmiGpus, WhatCannotBeIsAbsent) {
  const auto gpus = parse_gpus(row_with("utilization.gpu", "4294967295"), gpu_columns());
  ASSERT_TRUE(gpus) << gpus.error().message;
  EXPECT_EQ((*gpus)[0].utilization_percent, std::nullopt);
}

TEST(NvidiaSmiGpus, ANameMayHoldCommasAndQuotes) {
  for (const auto& [printed, name] : {std::pair{"GRID, Model 7", "GRID, Model 7"},
                                      std::pair{"\"GRID, Model 7\"", "GRID, Model 7"}}) {
    const auto gpus = parse_gpus(row_with("name", printed), gpu_columns());
    ASSERT_TRUE(gpus) << gpus.error().message;
    EXPECT_EQ((*gpus)[0].name, name);
  }
}

TEST(NvidiaSmiGpus, OneLostGpuDoesNotHideTheOthers) {
  const auto gpus = parse_gpus(
      data("nvidia-smi/lost-gpu.txt") + data("nvidia-smi/470-t4.csv") +
          "2, [GPU is lost], [GPU is lost], [GPU is lost], [GPU is lost], [GPU is lost], "
          "[GPU is lost], [GPU is lost], [GPU is lost], [GPU is lost]\n",
      gpu_columns());
  ASSERT_TRUE(gpus) << gpus.error().message;
  EXPECT_THAT(*gpus, SizeIs(2));
}

TEST(NvidiaSmiGpus, NoneIsUnavailableWithWhatWasSaid) {
  const Error lost = error_of(data("nvidia-smi/lost-gpu.txt"));
  EXPECT_EQ(lost.kind, ErrorKind::unavailable);
  EXPECT_THAT(lost.message, HasSubstr("GPU 0000:0B:00.0: Unknown Error"));
  EXPECT_EQ(error_of("").kind, ErrorKind::unavailable);
  EXPECT_THAT(error_of("No devices were found\n").message, HasSubstr("No devices were found"));
}

TEST(NvidiaSmiGpus, OtherTextIsInvalidByLineAndColumn) {
  const Error wrong = error_of(row_with("", "") + row_with("power.draw", "a lot"));
  EXPECT_EQ(wrong.kind, ErrorKind::invalid);
  EXPECT_EQ(wrong.message, "line 2 of nvidia-smi: power.draw is \"a lot\": expected a number");
  EXPECT_THAT(error_of(row_with("index", "-1")).message, HasSubstr("index is \"-1\""));
  EXPECT_THAT(error_of(row_with("index", "[N/A]")).message, HasSubstr("index is \"\""));
  EXPECT_THAT(error_of(row_with("clocks_event_reasons.active", "0xZZ")).message,
              HasSubstr("clocks_event_reasons.active is \"0xZZ\""));
  EXPECT_EQ(error_of("0, " + gpu0 + "\n").message,
            "line 1 of nvidia-smi: expected 10 columns, found 2");
}

TEST(NvidiaSmiFields, UnknownToTheDriverAreReplacedOrLeftOut) {
  const auto unknown = unknown_field(data("nvidia-smi/unknown-field.txt"));
  ASSERT_EQ(unknown, "clocks_event_reasons.active");
  const auto older = without(gpu_columns(), *unknown);
  ASSERT_TRUE(older);
  EXPECT_THAT(*older, Contains("clocks_throttle_reasons.active"));
  EXPECT_THAT(*older, SizeIs(gpu_columns().size()));
  const auto gpus = parse_gpus(data("nvidia-smi/470-t4.csv"), *older);
  ASSERT_TRUE(gpus) << gpus.error().message;
  EXPECT_THAT((*gpus)[0].throttle_reasons, ElementsAre("sw_power_cap"));

  const auto fewer = without(*older, "clocks_throttle_reasons.active");
  ASSERT_TRUE(fewer);
  EXPECT_THAT(*fewer, SizeIs(gpu_columns().size() - 1));
  EXPECT_EQ(fewer->back(), "name") << "which may hold commas";
}

TEST(NvidiaSmiFields, ThatCannotBeLeftOutAreAnError) {
  for (const char* field : {"uuid", "index", "colour"}) {
    const auto left = without(gpu_columns(), field);
    ASSERT_FALSE(left);
    EXPECT_EQ(left.error().kind, ErrorKind::invalid);
    EXPECT_THAT(left.error().message, HasSubstr(field));
  }
}

TEST(NvidiaSmiFields, InAnyOtherTextAreNotUnknown) {
  EXPECT_EQ(unknown_field(data("nvidia-smi/470-t4.csv")), std::nullopt);
  EXPECT_EQ(unknown_field("\" is not a valid field to query"), std::nullopt);
}

TEST(NvidiaSmiProcesses, WithTheirMemory) {
  const auto rows = parse_processes(data("nvidia-smi/apps-two.csv"));
  ASSERT_TRUE(rows) << rows.error().message;
  ASSERT_THAT(*rows, SizeIs(3));
  EXPECT_EQ((*rows)[0].gpu_uuid, gpu0);
  EXPECT_EQ((*rows)[0].process.pid, 2255740);
  EXPECT_EQ((*rows)[0].process.memory_mb, 1290);
  EXPECT_EQ((*rows)[1].process.memory_mb, std::nullopt);
  EXPECT_EQ((*rows)[2].gpu_uuid, gpu1);
  EXPECT_EQ((*rows)[2].process.memory_mb, 3) << "with its unit";
}

TEST(NvidiaSmiProcesses, NoneIsAnAnswer) {
  for (const std::string& text : {std::string(), std::string("No running processes found\n"),
                                  data("nvidia-smi/apps-guest.csv")}) {
    const auto rows = parse_processes(text);
    ASSERT_TRUE(rows) << text;
    EXPECT_THAT(*rows, IsEmpty());
  }
}

TEST(NvidiaSmiProcesses, OtherTextIsInvalid) {
  const auto rows = parse_processes(gpu0 + ", 1, 2\n" + gpu0 + ", many, 2\n");
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().message, "line 2 of nvidia-smi: pid is \"many\": expected a whole number");
}

}  // namespace
}  // namespace oppen::telemetry
