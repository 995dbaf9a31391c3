// What is not taken from the bus, though its schema is right.
#include "schemas/parse.hpp"
#include "tests/unit/alerts/at.hpp"

namespace oppen::anomaly {
namespace {

using testing::HasSubstr;

template <class Event>
Result<Fact> read(const Event& event) {
  CloudEvent cloud;
  cloud.type = Event::type;
  cloud.data = to_data(event);
  return read_fact(cloud);
}

TEST(Facts, DegreesThatNothingHasAreRefused) {
  auto sample = sample_of("gpu-1");
  sample.sampled_at = at(0s);
  for (const double degrees : {-100.0, 60.0, 1'000.0}) {
    sample.temperature_celsius = degrees;
    EXPECT_TRUE(read(sample)) << degrees;
  }
  for (const double degrees : {1.7e308, -1.7e308, 1'000.1}) {
    sample.temperature_celsius = degrees;
    const auto read_back = read(sample);
    ASSERT_FALSE(read_back) << degrees;
    EXPECT_EQ(read_back.error().kind, ErrorKind::invalid);
    EXPECT_THAT(read_back.error().message, HasSubstr("temperature_celsius is "));
  }
}

TEST(Facts, NamesThatFitNoAlertAreRefused) {
  auto sample = sample_of(std::string(253, 'g'));
  sample.sampled_at = at(0s);
  EXPECT_TRUE(read(sample));
  sample.pod = std::string(254, 'p');
  const auto read_back = read(sample);
  ASSERT_FALSE(read_back);
  EXPECT_EQ(read_back.error().message,
            "pod is \"" + std::string(40, 'p') + "...\", of 254 bytes: expected at most 253");

  JobLaunched launched;
  launched.job = change_of("job", 1, JobChange::What::launched).job;
  launched.job.workload_type = "training";
  launched.pod = "job-1";
  launched.pod_namespace = "ml";
  EXPECT_TRUE(read(launched)) << read(launched).error().message;
  launched.job.team = std::string(1'000'000, 't');
  EXPECT_FALSE(read(launched));
}

Result<std::optional<Sampled>> read_off_the_bus(SampledReader& reader, const GpuSample& sample) {
  CloudEvent event;
  event.id = "1";
  event.source = "/test";
  event.type = GpuSample::type;
  const auto record = encode(event, sample.gpu_uuid, to_text(sample));
  std::vector<HeaderView> headers;
  for (const auto& [name, value] : record.headers) headers.push_back({name.c_str(), value});
  return reader.read({record.key, *record.value, headers});
}

TEST(SampledReader, SaysWhatTheParserSays) {
  SampledReader reader;
  auto sample = sample_of("gpu-1", 12.5);
  sample.sampled_at = at(0s);
  sample.xid = 79;
  sample.ecc_errors = 2;
  sample.throttle_reasons = {"sw_power_cap", "hw_slowdown"};
  sample.pod = "job-1";
  sample.pod_namespace = "ml";
  sample.job_id = "job";
  std::shared_ptr<const SampledGpu> first;
  for (const auto* const node : {"node-1", "node-1", "node-2"}) {
    sample.node = node;
    const auto read = read_off_the_bus(reader, sample);
    ASSERT_TRUE(read) << read.error().message;
    ASSERT_TRUE(*read);
    const auto& fast = **read;
    const Sampled slow(sample);
    EXPECT_EQ(fast.sampled_at, slow.sampled_at);
    EXPECT_EQ(fast.utilization_percent, 12.5);
    EXPECT_EQ(fast.temperature_celsius, slow.temperature_celsius);
    EXPECT_EQ(fast.xid, 79);
    EXPECT_EQ(fast.ecc_errors, 2);
    EXPECT_EQ(fast.throttle_reasons, slow.throttle_reasons);
    EXPECT_EQ(fast.gpu->node, node);
    EXPECT_EQ(fast.gpu->gpu_uuid, "gpu-1");
    EXPECT_EQ(fast.gpu->gpu_type, "A100");
    EXPECT_EQ(fast.gpu->pod_key, "ml/job-1");
    EXPECT_EQ(fast.gpu->job_id, "job");
    if (first == nullptr) first = fast.gpu;
    EXPECT_EQ(fast.gpu == first, node == std::string("node-1")) << "names are kept once";
  }
  sample.temperature_celsius = 1e9;
  EXPECT_FALSE(read_off_the_bus(reader, sample));
  sample.temperature_celsius = 60;
  sample.pod = std::string(254, 'p');
  const auto wrong = read_off_the_bus(reader, sample);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind, ErrorKind::invalid);
}

}  // namespace
}  // namespace oppen::anomaly
