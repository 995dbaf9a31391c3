// Proves that readings become samples of the pods behind the processes, that what is not known is asked for, and that trouble of a
// source is told and does not last.
#include "producers/telemetry/sampler.hpp"

#include <gmock/gmock.h>

#include "tests/unit/telemetry_agent/scripted.hpp"

namespace oppen::telemetry {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

class SamplerTest : public testing::Test {
 protected:
  SamplerTest() {
    auto owned = std::make_unique<ScriptedSource>();
    source = owned.get();
    std::vector<Sampler::Node> nodes;
    nodes.push_back({"node-1", std::move(owned)});
    sampler = std::make_unique<Sampler>(
        std::move(nodes),
        Sampler::Pods{[this] { return known; }, [this] { ++asks; },
                      [](std::int64_t pid) { return pid == 1 ? "uid-a" : ""; }},
        nullptr, Sampler::Timing{}, page, metrics);
  }
  void says(std::vector<GpuProcess> processes) {
    auto reading = gpu(90);
    reading.processes = std::move(processes);
    source->script.push_back(Readings{{}, {reading}});
  }

  runtime::Metrics metrics;
  GpuPage page;
  std::shared_ptr<const KnownPods> known = std::make_shared<KnownPods>();
  int asks = 0;
  ScriptedSource* source = nullptr;
  std::unique_ptr<Sampler> sampler;
};

TEST_F(SamplerTest, SamplesNameTheJobOfTheProcess) {
  known = std::make_shared<KnownPods>(std::vector{pod("a", "uid-a")});
  says({{1, 500, {}}, {2, 3, {}}});
  EXPECT_THAT(sampler->look(at(1'000)).gpus, SizeIs(0));
  const auto samples = sampler->flush(at(2'000)).gpus;
  ASSERT_THAT(samples, SizeIs(1));
  EXPECT_EQ(samples[0].job_id, "a");
  EXPECT_EQ(samples[0].process_memory_mb, 500);
  EXPECT_EQ(samples[0].sampled_at, at(1'000)) << "the look's time, not the source's";
  EXPECT_EQ(asks, 0);
  EXPECT_THAT(page.render(), HasSubstr("a-1"));
}

TEST_F(SamplerTest, APodThatIsNotKnownIsAskedForButNotForEver) {
  for (int second = 1; second <= 100; ++second) {
    says({{1, 500, {}}});
    sampler->look(at(second * 1000));
  }
  EXPECT_GE(asks, 1);
  EXPECT_LE(asks, 5);
}

TEST_F(SamplerTest, TroubleOfASourceIsToldUntilItIsOver) {
  says({});
  sampler->look(at(1'000));
  EXPECT_TRUE(sampler->status());
  source->script.push_back(fail(ErrorKind::unavailable, "the driver is away"));
  sampler->look(at(2'000));
  ASSERT_FALSE(sampler->status());
  EXPECT_EQ(sampler->status().error().message, "the driver is away");
  EXPECT_EQ(page.render(), "");
  EXPECT_THAT(metrics.render(), HasSubstr("oppen_telemetry_read_errors_total 1\n"));
  says({});
  sampler->look(at(3'000));
  EXPECT_TRUE(sampler->status());
  EXPECT_FALSE(sampler->over());
  sampler->look(at(4'000));
  EXPECT_TRUE(sampler->over()) << "the end of a recording";
  EXPECT_TRUE(sampler->status());
}

}  // namespace
}  // namespace oppen::telemetry
