// Proves which source a node gets, and what is said when there is none.
#include "producers/telemetry/sources/choose.hpp"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/telemetry/data.hpp"
#include "tests/unit/telemetry/fake_nvml.hpp"
#include "tests/unit/telemetry/metrics_server.hpp"

namespace oppen::telemetry {
namespace {

using testing::AllOf;
using testing::HasSubstr;

struct Choice : testing::Test {
  Choice() {
    handle = ::dlopen(FAKE_NVML, RTLD_NOW | RTLD_LOCAL);
    driver = reinterpret_cast<FakeNvml* (*)()>(::dlsym(handle, "fake_nvml_state"))();
    *driver = FakeNvml{};
    driver->count = 1;
    driver->gpus[0].uuid = gpu0.c_str();
    settings.nvml_library = FAKE_NVML;
    settings.dcgm_url = exporter.url();
    settings.nvidia_smi =
        folder.script("nvidia-smi", "case $1 in --query-gpu=*) cat '" +
                                        data_file("nvidia-smi/470-t4.csv") + "';; esac");
  }
  ~Choice() override { ::dlclose(handle); }

  std::string chosen() {
    const auto source = choose_source(settings, clock);
    return source ? (*source)->name() : "error: " + source.error().message;
  }

  void* handle = nullptr;
  FakeNvml* driver = nullptr;
  Folder folder;
  FixedClock clock;
  MetricsServer exporter{data("dcgm/2.3-t4.prom")};
  SourceSettings settings;
};

TEST_F(Choice, IsNvmlFirstThenDcgmThenNvidiaSmi) {
  EXPECT_EQ(chosen(), "nvml");
  driver->count = 0;
  EXPECT_EQ(chosen(), "dcgm");
  const MetricsServer starting("");
  settings.dcgm_url = starting.url();
  EXPECT_EQ(chosen(), "nvidia-smi");
}

TEST_F(Choice, PassesOverWhatTellsNoUtilizationUnlessNothingElseAnswers) {
  driver->gpus[0].mute = true;
  EXPECT_EQ(chosen(), "dcgm");
  settings.dcgm_url = "";
  EXPECT_EQ(chosen(), "nvidia-smi");
  settings.nvidia_smi = "";
  EXPECT_EQ(chosen(), "nvml");
}

TEST_F(Choice, LeavesOutWhatIsNotSet) {
  settings.nvml_library = "";
  EXPECT_EQ(chosen(), "dcgm");
  settings.dcgm_url = "";
  EXPECT_EQ(chosen(), "nvidia-smi");
  settings.nvidia_smi = "";
  EXPECT_EQ(chosen(), "error: no source of GPU readings");
}

TEST_F(Choice, OfNoneSaysWhyEachWouldNotDo) {
  driver->init_result = 9;
  settings.dcgm_url = "http://127.0.0.1:1/secret";
  settings.nvidia_smi = "no-such-nvidia-smi";
  const auto source = choose_source(settings, clock);
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().kind, ErrorKind::unavailable);
  EXPECT_THAT(
      source.error().message,
      AllOf(HasSubstr("NVML: nvmlInit: Driver Not Loaded"), HasSubstr("DCGM exporter: "),
            HasSubstr("127.0.0.1:1"), HasSubstr("nvidia-smi: no-such-nvidia-smi is not on PATH")));
  EXPECT_EQ(source.error().message.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace oppen::telemetry
