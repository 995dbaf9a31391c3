// Proves what --once prints: for people a table, for programs the events' data.
#include "producers/telemetry/once.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "schemas/parse.hpp"
#include "tests/unit/telemetry_agent/scripted.hpp"

namespace oppen::telemetry {
namespace {

using testing::HasSubstr;
using testing::Not;

Result<Samples> once(std::unique_ptr<ScriptedSource> source) {
  runtime::Metrics metrics;
  GpuPage page;
  std::vector<Sampler::Node> nodes;
  nodes.push_back({"node-1", std::move(source)});
  Sampler::Timing timing;
  timing.recorded = true;
  Sampler sampler(
      std::move(nodes),
      {[] { return std::make_shared<const KnownPods>(); }, [] {}, [](auto) { return ""; }}, nullptr,
      timing, page, metrics);
  return sample_once(sampler, SetClock(), true);
}

std::unique_ptr<ScriptedSource> recording() {
  auto source = std::make_unique<ScriptedSource>();
  for (const int second : {11, 12}) {
    auto reading = gpu(second);
    reading.pod = "a\x1b[2J-1";
    reading.pod_namespace = "ml-training";
    source->script.push_back(Readings{at(second * 1000), {reading}});
  }
  return source;
}

TEST(Once, PrintsEventsAsJson) {
  const auto samples = once(recording());
  ASSERT_TRUE(samples) << samples.error().message;
  const auto json = nlohmann::json::parse(to_json(*samples));
  ASSERT_EQ(json.at("gpu_samples").size(), 1u);
  EXPECT_TRUE(json.at("pod_samples").empty());
  const auto sample = parse_data<GpuSample>(json["gpu_samples"][0]);
  ASSERT_TRUE(sample) << sentences(sample.error());
  EXPECT_DOUBLE_EQ(sample->utilization_percent, 11.5);
  EXPECT_EQ(sample->sampled_at, at(12'000));
  EXPECT_DOUBLE_EQ(sample->interval_seconds, 2);
}

TEST(Once, PrintsATableThatCannotMoveTheCursor) {
  const auto text = to_table(*once(recording()));
  EXPECT_THAT(text, HasSubstr("UTIL %"));
  EXPECT_THAT(text, HasSubstr("1000/40960"));
  EXPECT_THAT(text, HasSubstr("a?[2J-1"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(Once, SaysWhyThereIsNone) {
  auto source = std::make_unique<ScriptedSource>();
  source->script.push_back(fail(ErrorKind::unavailable, "no driver"));
  const auto samples = once(std::move(source));
  ASSERT_FALSE(samples);
  EXPECT_EQ(samples.error().message, "no driver");
}

}  // namespace
}  // namespace oppen::telemetry
