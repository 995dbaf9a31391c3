// Proves what Prometheus reads of the GPUs, and that nothing stays there that is over.
#include "producers/telemetry/gpu_page.hpp"

#include <gmock/gmock.h>

#include "tests/unit/telemetry_agent/scripted.hpp"

namespace oppen::telemetry {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(GpuPage, HasALineForEachHolderOfAGpu) {
  GpuPage page;
  auto with_memory = holder("b", 0.25);
  with_memory.memory_mb = 700;
  page.set("node-1", {at(0), {gpu(80)}}, {{holder("a", 0.75), with_memory}});
  const auto text = page.render();
  const std::string labels =
      R"({gpu_uuid="GPU-a",model="resnet50",node="node-1",pod_name="a-1",pod_namespace="ml-training"})";
  EXPECT_THAT(text, HasSubstr("# TYPE nvidia_smi_utilization_gpu gauge\n"));
  EXPECT_THAT(text, HasSubstr("nvidia_smi_utilization_gpu" + labels + " 60\n"));
  EXPECT_THAT(text, HasSubstr("nvidia_smi_memory_used_mb" + labels + " 750\n"));
  EXPECT_THAT(text, HasSubstr("nvidia_smi_temperature_gpu" + labels + " 60\n"));
  EXPECT_THAT(text, HasSubstr("nvidia_smi_power_watts" + labels + " 150\n"));
  EXPECT_THAT(text, HasSubstr(R"(pod_name="b-1",pod_namespace="ml-training"} 700)"));
}

TEST(GpuPage, ForgetsWhoHasLetGo) {
  GpuPage page;
  page.set("node-1", {at(0), {gpu(80)}}, {{holder("a")}});
  auto silent = gpu(0);
  silent.power_watts.reset();
  page.set("node-1", {at(1000), {silent}}, {{}});
  const auto text = page.render();
  EXPECT_THAT(text, Not(HasSubstr("a-1")));
  EXPECT_THAT(
      text,
      HasSubstr(
          R"(nvidia_smi_utilization_gpu{gpu_uuid="GPU-a",model="",node="node-1",pod_name="",pod_namespace=""} 0)"));
  EXPECT_THAT(text, Not(HasSubstr("watts")));
  page.clear("node-1");
  EXPECT_EQ(page.render(), "");
}

}  // namespace
}  // namespace oppen::telemetry
