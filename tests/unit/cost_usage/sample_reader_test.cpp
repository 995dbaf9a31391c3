// What the fast way takes, and that its verdict is the schema's on whatever comes.
#include "workers/cost/usage/sample_reader.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "tests/unit/cost_usage/samples.hpp"
#include "workers/cost/usage/seen.hpp"

namespace oppen::cost {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using test::gpu_sample;
using test::pod_sample;
using test::record_of;
using test::record_with;
using testing::HasSubstr;

const Time recorded_at = test::at("2026-01-03T18:20:01Z");

// "" where it is taken, else the sentences of the schema.
std::string schemas_verdict(const KafkaRecord& record) {
  const auto event = decode(record);
  if (!event) return event.error().message;
  if (event->type == GpuSample::type) {
    const auto sample = parse_data<GpuSample>(event->data);
    return sample ? "" : sentences(sample.error());
  }
  if (event->type == PodSample::type) {
    const auto sample = parse_data<PodSample>(event->data);
    return sample ? "" : sentences(sample.error());
  }
  return "";
}

GpuReading gpu_of(const Result<std::optional<Reading>>& reading) {
  EXPECT_TRUE(reading && *reading) << (reading ? "another type" : reading.error().message);
  return std::get<GpuReading>(**reading);
}

TEST(SampleReader, TakesWhatCostNeedsOfAGpu) {
  SampleReader reader;
  const auto record = record_of(gpu_sample());
  const auto reading = gpu_of(reader.read(record, recorded_at));
  EXPECT_EQ(reading.device, key_of_device("GPU-5d5b1a3e-0c2f-4b7e-9f5c-2f0a1b3c4d5e"));
  EXPECT_EQ(reading.job_id, "resnet50-a");
  EXPECT_EQ(reading.attempt, 1);
  EXPECT_EQ(reading.sampled_at, test::at("2026-01-03T18:20:00Z"));
  EXPECT_EQ(reading.interval_ms, 10'000);
  EXPECT_EQ(reading.utilization_percent, 87.5);
  EXPECT_FALSE(reading.of_sm_active);
  EXPECT_EQ(reading.share, 1);
  EXPECT_EQ(reading.memory_mb, 21504);
}

TEST(SampleReader, PrefersSmActivityAndThePodsOwnMemory) {
  auto sample = gpu_sample();
  sample.sm_active_percent = 42;
  sample.share = 0.25;
  SampleReader reader;
  auto reading = gpu_of(reader.read(record_of(sample), recorded_at));
  EXPECT_TRUE(reading.of_sm_active);
  EXPECT_EQ(reading.utilization_percent, 42);
  EXPECT_EQ(reading.share, 0.25);
  EXPECT_EQ(reading.memory_mb, std::nullopt) << "of a shared device nobody knows whose it is";
  sample.process_memory_mb = 10240;
  reading = gpu_of(reader.read(record_of(sample), recorded_at));
  EXPECT_EQ(reading.memory_mb, 10240);
}

TEST(SampleReader, TakesWhatCostNeedsOfAPod) {
  SampleReader reader;
  const auto reading = reader.read(record_of(pod_sample()), recorded_at);
  ASSERT_TRUE(reading && *reading);
  const auto& pod = std::get<PodReading>(**reading);
  EXPECT_EQ(pod.device, key_of_device("resnet50-a-1"));
  EXPECT_EQ(pod.job_id, "resnet50-a");
  EXPECT_EQ(pod.attempt, 1);
  EXPECT_EQ(pod.interval_ms, 10'000);
  EXPECT_EQ(pod.cpu_cores, 3.25);
  EXPECT_EQ(pod.memory_bytes, std::int64_t{8} << 30);
}

TEST(SampleReader, ReadsStructuredMode) {
  KafkaRecord record;
  record.headers = {{"content-type", "application/cloudevents+json"}};
  record.value = json{{"specversion", "1.0"},
                      {"id", "1"},
                      {"source", "/test"},
                      {"type", GpuSample::type},
                      {"data", to_data(gpu_sample())}}
                     .dump();
  SampleReader reader;
  const auto reading = gpu_of(reader.read(record, recorded_at));
  EXPECT_EQ(reading.job_id, "resnet50-a");
  EXPECT_EQ(reading.utilization_percent, 87.5);
}

TEST(SampleReader, LeavesOtherEvents) {
  SampleReader reader;
  const auto reading = reader.read(record_with("dev.oppen.other.v1", "{}"), recorded_at);
  ASSERT_TRUE(reading);
  EXPECT_FALSE(*reading);
}

TEST(SampleReader, NamesFieldAndValue) {
  auto data = to_data(gpu_sample());
  data["utilization_percent"] = 4294967295;
  data.erase("node");
  SampleReader reader;
  const auto reading = reader.read(record_with(GpuSample::type, data.dump()), recorded_at);
  ASSERT_FALSE(reading);
  EXPECT_EQ(reading.error().kind, ErrorKind::invalid);
  EXPECT_THAT(reading.error().message, HasSubstr("utilization_percent is 4294967295"));
  EXPECT_THAT(reading.error().message, HasSubstr("node is missing"));
}

TEST(SampleReader, RefusesAClockThatHasJumped) {
  SampleReader reader;
  const auto record = record_of(gpu_sample());
  const Time sampled_at = gpu_sample().sampled_at;
  EXPECT_TRUE(reader.read(record, sampled_at - 10min));
  const auto reading = reader.read(record, sampled_at - 10min - 1ms);
  ASSERT_FALSE(reading);
  EXPECT_THAT(reading.error().message, HasSubstr("sampled_at is \"2026-01-03T18:20:00.000Z\""));
}

TEST(SampleReader, AgreesWithTheSchemaOnItsExamples) {
  SampleReader reader;
  int seen = 0;
  for (const std::string type : {"gpu.sample.v1", "pod.sample.v1"}) {
    for (const char* kind : {"valid", "invalid"}) {
      for (const auto& file :
           std::filesystem::directory_iterator(OPPEN_EXAMPLES "/" + type + "/" + kind)) {
        SCOPED_TRACE(file.path());
        std::ifstream in(file.path());
        const auto record = record_with("dev.oppen." + type, json::parse(in).dump());
        const auto reading = reader.read(record, recorded_at);
        EXPECT_EQ(reading ? "" : reading.error().message, schemas_verdict(record));
        ++seen;
      }
    }
  }
  EXPECT_GE(seen, 8);
}

// Records bent at random, of fields, of bytes, of headers: what the fast way lets through must be what the schema lets through,
// and say the same.
class Bender {
 public:
  std::size_t pick(std::size_t count) {
    return std::uniform_int_distribution<std::size_t>(0, count - 1)(random_);
  }

  void bend_field(json& data) {
    static const json hard[] = {nullptr,
                                true,
                                -1,
                                0,
                                0.5,
                                5.0,
                                1e300,
                                "",
                                "x",
                                101,
                                0.0,
                                86400,
                                1.5,
                                1e-18,
                                "9",
                                json::array(),
                                {{"a", 1}},
                                INT64_MAX,
                                UINT64_MAX,
                                2147483648LL,
                                json::array({"a"}),
                                json::array({1}),
                                std::string("a\0b", 3),
                                "9999-12-31T23:59:60Z",
                                "2026-01-03T18:20:00+01:00"};
    auto member = data.begin();
    std::advance(member, static_cast<std::ptrdiff_t>(pick(data.size())));
    if (pick(4) == 0) {
      data.erase(member);
    } else if (pick(4) == 0) {
      data["unknown"] = hard[pick(std::size(hard))];
    } else {
      *member = hard[pick(std::size(hard))];
    }
  }

  void bend_bytes(std::string& text) {
    static constexpr std::string_view hard[] = {"\xff", "\\ud800", "\\u0000", "\"",
                                                "{",    "[[",      "1e999",   "-",
                                                "0",    "null",    "\n",      ",",
                                                ":",    "}",       " ",       ".",
                                                "e",    "tru",     "\\u0061", "\"node\":\"x\","};
    const std::size_t at = pick(text.size());
    switch (pick(4)) {
      case 0:
        text[at] = static_cast<char>(pick(256));
        break;
      case 1:
        text.insert(at, hard[pick(std::size(hard))]);
        break;
      case 2:
        text.erase(at, 1 + pick(4));
        break;
      default:
        text.resize(at);
        break;
    }
  }

  void bend_header(KafkaRecord& record) {
    auto& headers = record.headers;
    auto& [name, value] = headers[pick(headers.size())];
    switch (pick(5)) {
      case 0:
        headers.erase(headers.begin() + static_cast<std::ptrdiff_t>(pick(headers.size())));
        break;
      case 1:
        headers.emplace_back(name, pick(2) == 0 ? value : "other");
        break;
      case 2:
        name = pick(2) == 0 ? "traceparent" : "CE_ID";
        break;
      case 3:
        value.clear();
        break;
      default:
        if (value.empty()) break;
        bend_bytes(value);
    }
  }

 private:
  std::mt19937 random_{20260103};  // NOLINT: the same each time
};

TEST(SampleReader, AgreesWithTheSchemaOnBentRecords) {
  constexpr int rounds = 40'000;
  SampleReader reader;
  Bender bender;
  auto whole = gpu_sample();
  whole.utilization_max_percent = 100;
  whole.sm_active_percent = 42;
  whole.xid = 31;
  whole.ecc_errors = 0;
  whole.throttle_reasons = {"sw_power_cap"};
  whole.share = 0.5;
  whole.process_memory_mb = 10240;
  const json samples[] = {to_data(whole), to_data(pod_sample())};
  const std::string_view types[] = {GpuSample::type, PodSample::type};
  int taken = 0;
  for (int round = 0; round < rounds; ++round) {
    const auto which = bender.pick(2);
    json data = samples[which];
    if (bender.pick(2) == 0) bender.bend_field(data);
    auto record = record_with(types[which], data.dump());
    if (bender.pick(2) == 0) bender.bend_bytes(*record.value);
    if (bender.pick(4) == 0) bender.bend_header(record);
    SCOPED_TRACE(std::to_string(round) + ": " + *record.value);
    const auto reading = reader.read(record, test::at("9999-12-31T00:00:00Z"));
    ASSERT_EQ(reading ? "" : reading.error().message, schemas_verdict(record));
    if (!reading || !*reading) continue;
    ++taken;
    const auto* gpu = std::get_if<GpuReading>(&**reading);
    if (gpu == nullptr) continue;
    const auto sample = parse_data<GpuSample>(decode(record)->data);
    EXPECT_EQ(gpu->device, key_of_device(sample->gpu_uuid));
    EXPECT_EQ(gpu->job_id, sample->job_id);
    EXPECT_EQ(gpu->attempt, sample->attempt.value_or(0));
    EXPECT_EQ(gpu->sampled_at, sample->sampled_at);
    EXPECT_EQ(gpu->utilization_percent,
              sample->sm_active_percent.value_or(sample->utilization_percent));
    EXPECT_EQ(gpu->share, sample->share.value_or(1));
  }
  EXPECT_GT(taken, rounds / 10);
}

}  // namespace
}  // namespace oppen::cost
