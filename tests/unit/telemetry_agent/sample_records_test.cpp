// Proves that samples become records as the contract says: keys, deterministic ids, valid data.
#include "producers/telemetry/sample_records.hpp"

#include <gmock/gmock.h>

#include "schemas/parse.hpp"
#include "tests/unit/telemetry_agent/scripted.hpp"

namespace oppen::telemetry {
namespace {

GpuSample gpu_sample() {
  GpuSample sample;
  sample.node = "node-1";
  sample.gpu_uuid = "GPU-a";
  sample.sampled_at = at(10'000);
  sample.interval_seconds = 10;
  sample.pod = "a-1";
  sample.pod_namespace = "ml-training";
  sample.job_id = "a";
  sample.attempt = 1;
  sample.share = 0.5;
  return sample;
}

TEST(SampleRecords, AreEventsOfTheContract) {
  const auto sample = gpu_sample();
  const auto record = record_of(sample);
  EXPECT_EQ(record.key, "a");
  const auto event = decode(record);
  ASSERT_TRUE(event) << event.error().message;
  EXPECT_EQ(event->type, GpuSample::type);
  EXPECT_EQ(event->source, "/oppen/telemetry");
  EXPECT_EQ(event->subject, "a");
  EXPECT_EQ(event->time, sample.sampled_at);
  const auto data = parse_data<GpuSample>(event->data);
  ASSERT_TRUE(data) << sentences(data.error());
  EXPECT_EQ(data->share, 0.5);
}

TEST(SampleRecords, WithoutAJobAreKeyedByGpuOrPod) {
  auto gpu = gpu_sample();
  gpu.job_id = "";
  EXPECT_EQ(record_of(gpu).key, "GPU-a");
  PodSample pod;
  pod.pod = "web-0";
  EXPECT_EQ(record_of(pod).key, "web-0");
  pod.job_id = "web";
  EXPECT_EQ(record_of(pod).key, "web");
}

TEST(SampleRecords, HaveTheSameIdWhenTheyTellTheSameAndAnotherWhenNot) {
  const auto id = [](const KafkaRecord& record) { return decode(record)->id; };
  const auto sample = gpu_sample();
  EXPECT_EQ(id(record_of(sample)), id(record_of(sample)));
  auto other = sample;
  other.pod = "b-1";
  EXPECT_NE(id(record_of(other)), id(record_of(sample)));
  other = sample;
  other.sampled_at += std::chrono::milliseconds(1);
  EXPECT_NE(id(record_of(other)), id(record_of(sample)));
}

}  // namespace
}  // namespace oppen::telemetry
