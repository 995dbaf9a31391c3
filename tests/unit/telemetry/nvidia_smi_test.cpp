// Proves what the nvidia-smi source asks for and makes of the answers, with a script in the program's place.
#include "producers/telemetry/sources/nvidia_smi.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/telemetry/data.hpp"

namespace oppen::telemetry {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

struct NvidiaSmi : testing::Test {
  // `gpus`, `apps`: what the script does when it is asked for them. It notes what it was asked in `asked`.
  std::unique_ptr<Source> running(const std::string& gpus, const std::string& apps = "true") {
    const std::string file = folder.script(
        "nvidia-smi", "echo \"$@\" >> '" + folder.path("asked") + "'\ncase $1 in\n--query-gpu=*) " +
                          gpus + " ;;\n*) " + apps + " ;;\nesac\n");
    auto source = open_nvidia_smi(file, clock, 60s);
    EXPECT_TRUE(source);
    return std::move(*source);
  }
  static std::string cat(const std::string& name) {
    return "cat '" + data_file("nvidia-smi/" + name) + "'";
  }

  Folder folder;
  FixedClock clock;
};

TEST_F(NvidiaSmi, GivesGpusWithTheirProcesses) {
  const auto source = running(cat("470-t4.csv"), cat("apps-two.csv"));
  EXPECT_EQ(source->name(), "nvidia-smi");
  const auto readings = source->read();
  ASSERT_TRUE(readings) << readings.error().message;
  EXPECT_EQ(readings->at, clock.now());
  ASSERT_THAT(readings->gpus, SizeIs(2));
  ASSERT_THAT(readings->gpus[0].processes, SizeIs(2));
  EXPECT_EQ(readings->gpus[0].processes[0].pid, 2255740);
  ASSERT_THAT(readings->gpus[1].processes, SizeIs(1));
  EXPECT_EQ(readings->gpus[1].processes[0].memory_mb, 3);
  EXPECT_EQ(
      file_text(folder.path("asked")),
      "--query-gpu=index,uuid,utilization.gpu,memory.used,memory.total,temperature.gpu,power.draw,"
      "ecc.errors.uncorrected.volatile.total,clocks_event_reasons.active,name "
      "--format=csv,noheader,nounits\n"
      "--query-compute-apps=gpu_uuid,pid,used_memory --format=csv,noheader,nounits\n");
}

TEST_F(NvidiaSmi, FallsBackToWhatAnOlderDriverKnowsAndRemembersIt) {
  const auto source = running("case $1 in *clocks_event*) " + cat("unknown-field.txt") +
                              "; exit 2;; esac; " + cat("470-t4.csv"));
  for (int reading = 0; reading < 2; ++reading) {
    const auto readings = source->read();
    ASSERT_TRUE(readings) << readings.error().message;
    EXPECT_THAT(readings->gpus[0].throttle_reasons, ElementsAre("sw_power_cap"));
  }
  const std::string asked = file_text(folder.path("asked"));
  EXPECT_EQ(std::count(asked.begin(), asked.end(), '\n'), 3 + 2)
      << "the first reading asks once more";
}

TEST_F(NvidiaSmi, LeavesOutAFieldThatHasNoOlderName) {
  const auto source = running(
      "case $1 in *ecc.errors*) echo 'Field \"ecc.errors.uncorrected.volatile.total\" is not a "
      "valid "
      "field to query.' >&2; exit 2;; esac; echo '0, " +
      gpu0 + ", 33, 1294, 15109, 49, 63.71, 0x0000000000000004, Tesla T4'");
  const auto readings = source->read();
  ASSERT_TRUE(readings) << readings.error().message;
  EXPECT_EQ(readings->gpus[0].ecc_errors_total, std::nullopt);
  EXPECT_THAT(readings->gpus[0].throttle_reasons, ElementsAre("sw_power_cap"));
}

TEST_F(NvidiaSmi, WithoutUuidsIsAnError) {
  const auto source = running("echo 'Field \"uuid\" is not a valid field to query.'; exit 2");
  const auto readings = source->read();
  ASSERT_FALSE(readings);
  EXPECT_EQ(readings.error().kind, ErrorKind::invalid);
}

TEST_F(NvidiaSmi, OneLostGpuDoesNotHideTheOthers) {
  const std::string gpus = cat("470-t4.csv") + "; " + cat("lost-gpu.txt") + "; exit 15";
  const auto idle = running(gpus, cat("lost-gpu.txt") + "; exit 15")->read();
  ASSERT_TRUE(idle) << idle.error().message;
  EXPECT_THAT(idle->gpus, SizeIs(2));
  const auto busy =
      running(gpus, cat("apps-two.csv") + "; " + cat("lost-gpu.txt") + "; exit 15")->read();
  ASSERT_TRUE(busy) << busy.error().message;
  ASSERT_THAT(busy->gpus, SizeIs(2));
  EXPECT_THAT(busy->gpus[0].processes, SizeIs(2));
}

TEST_F(NvidiaSmi, WithoutADriverSaysWhatWasSaid) {
  const auto source = running(
      "echo \"NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\"; "
      "echo "
      "more; exit 9");
  const auto readings = source->read();
  ASSERT_FALSE(readings);
  EXPECT_EQ(readings.error().kind, ErrorKind::unavailable);
  EXPECT_THAT(readings.error().message, HasSubstr("exit code 9"));
  EXPECT_THAT(readings.error().message, HasSubstr("couldn't communicate with the NVIDIA driver."));
  EXPECT_EQ(readings.error().message.find("more"), std::string::npos);
}

TEST_F(NvidiaSmi, ProcessesThatCannotBeListedAreAnErrorAndNotAnIdleGpu) {
  const auto source = running(cat("470-t4.csv"), "echo 'Failed to list' >&2; exit 12");
  const auto readings = source->read();
  ASSERT_FALSE(readings);
  EXPECT_EQ(readings.error().kind, ErrorKind::unavailable);
  EXPECT_THAT(readings.error().message, HasSubstr("Failed to list"));
}

TEST_F(NvidiaSmi, ThatHangsIsGivenUp) {
  const std::string file = folder.script("nvidia-smi", "sleep 1000");
  const auto source = open_nvidia_smi(file, clock, 100ms);
  ASSERT_TRUE(source);
  const auto readings = (*source)->read();
  ASSERT_FALSE(readings);
  EXPECT_EQ(readings.error().kind, ErrorKind::unavailable);
}

TEST_F(NvidiaSmi, ThatIsNotThereIsNotFound) {
  EXPECT_EQ(open_nvidia_smi(folder.path("missing"), clock).error().kind, ErrorKind::not_found);
}

}  // namespace
}  // namespace oppen::telemetry
