// Proves that events survive Kafka's two CloudEvents modes, that what is no event is refused with a
// sentence that names what is wrong, and that keys fall on the partitions that the Java client
// gives them.
#include "schemas/cloud_event.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schemas/topics.hpp"

namespace oppen {
namespace {

using nlohmann::json;
using testing::HasSubstr;

KafkaRecord minimal_record() {
  return {"k",
          R"({"a":1})",
          {{"ce_specversion", "1.0"}, {"ce_id", "1"}, {"ce_source", "/s"}, {"ce_type", "t"}}};
}

KafkaRecord structured(const json& envelope) {
  return {"k", envelope.dump(), {{"content-type", "application/cloudevents+json; charset=utf-8"}}};
}

json minimal_envelope() {
  return {
      {"specversion", "1.0"}, {"id", "1"}, {"source", "/s"}, {"type", "t"}, {"data", {{"a", 1}}}};
}

std::string refusal(const KafkaRecord& record) {
  const auto event = decode(record);
  if (event) return "accepted";
  EXPECT_EQ(event.error().kind, ErrorKind::invalid);
  return event.error().message;
}

TEST(CloudEvent, ComesBackFromBinaryModeAsItWas) {
  CloudEvent event{"id-1",
                   "/oppen/cli",
                   "dev.oppen.job.submit.v1",
                   parse_rfc3339("2026-01-03T18:15:00.250Z").value(),
                   "job-ä",
                   {{"job_id", "x"}}};
  const KafkaRecord record = encode(event, "x");
  EXPECT_EQ(record.key, "x");
  const std::vector<std::pair<std::string, std::string>> headers = {
      {"ce_specversion", "1.0"},
      {"ce_id", "id-1"},
      {"ce_source", "/oppen/cli"},
      {"ce_type", "dev.oppen.job.submit.v1"},
      {"ce_time", "2026-01-03T18:15:00.250Z"},
      {"ce_subject", "job-ä"},
      {"content-type", "application/json"}};
  EXPECT_EQ(record.headers, headers);

  const auto back = decode(record);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->id, event.id);
  EXPECT_EQ(back->source, event.source);
  EXPECT_EQ(back->type, event.type);
  EXPECT_EQ(back->time, event.time);
  EXPECT_EQ(back->subject, event.subject);
  EXPECT_EQ(back->data, event.data);
}

TEST(CloudEvent, KeepsDataThatIsTextAlready) {
  const KafkaRecord record = encode(CloudEvent{"1", "/s", "t", {}, "", {}}, "k", R"({"b": 2})");
  EXPECT_EQ(record.value, R"({"b": 2})");
  const auto back = decode(record);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->data, json({{"b", 2}}));
  EXPECT_EQ(back->time, Time{});
  EXPECT_EQ(back->subject, "");
}

TEST(CloudEvent, IsReadFromStructuredMode) {
  auto envelope = minimal_envelope();
  envelope["time"] = "2026-01-03T18:15:00Z";
  envelope["subject"] = "j";
  envelope["datacontenttype"] = "application/json";
  const auto event = decode(structured(envelope));
  ASSERT_TRUE(event) << event.error().message;
  EXPECT_EQ(event->id, "1");
  EXPECT_EQ(event->subject, "j");
  EXPECT_EQ(to_rfc3339(event->time), "2026-01-03T18:15:00.000Z");
  EXPECT_EQ(event->data, json({{"a", 1}}));
}

TEST(CloudEvent, IsReadFromStructuredModeInBase64) {
  auto envelope = minimal_envelope();
  envelope.erase("data");
  for (const auto& [text, data] :
       {std::pair{"eyJhIjoxfQ==", R"({"a":1})"}, std::pair{"eyJhIjoxMn0=", R"({"a":12})"},
        std::pair{"eyJhIjoxMjN9", R"({"a":123})"}}) {
    envelope["data_base64"] = text;
    const auto event = decode(structured(envelope));
    ASSERT_TRUE(event) << event.error().message;
    EXPECT_EQ(event->data, json::parse(data));
  }
  for (const char* text : {"", "=", "====", "eyJ", "!!!!"}) {
    envelope["data_base64"] = text;
    EXPECT_THAT(refusal(structured(envelope)), HasSubstr("data_base64")) << text;
  }
}

TEST(CloudEvent, TakesTheLastOfRepeatedHeadersAndAnyCaseOfTheirNames) {
  auto record = minimal_record();
  record.headers.emplace_back("CE_ID", "2");
  record.headers.emplace_back("Content-Type", "application/json; charset=utf-8");
  const auto event = decode(record);
  ASSERT_TRUE(event) << event.error().message;
  EXPECT_EQ(event->id, "2");
}

TEST(CloudEvent, IsRefusedWithoutItsRequiredAttributes) {
  for (std::size_t i = 0; i < 4; ++i) {
    auto record = minimal_record();
    const std::string name = record.headers[i].first.substr(3);
    record.headers.erase(record.headers.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_THAT(refusal(record), HasSubstr("attribute " + name + " is missing"));
    auto envelope = minimal_envelope();
    envelope.erase(name);
    EXPECT_THAT(refusal(structured(envelope)), HasSubstr("attribute " + name + " is missing"));
  }
}

TEST(CloudEvent, IsRefusedWhenAnAttributeIsMalformed) {
  const auto with = [](const char* name, const char* value) {
    auto record = minimal_record();
    record.headers.emplace_back(name, value);
    return refusal(record);
  };
  EXPECT_THAT(with("ce_specversion", "0.3"), HasSubstr("specversion is \"0.3\": expected 1.0"));
  EXPECT_THAT(with("ce_time", "yesterday"), HasSubstr("yesterday"));
  EXPECT_THAT(with("ce_id", "a\nb"), HasSubstr("attribute id is"));
  EXPECT_THAT(with("ce_subject", "\xff"), HasSubstr("attribute subject is"));
  EXPECT_THAT(with("ce_id", ""), HasSubstr("attribute id is missing"));
  EXPECT_THAT(with("content-type", "text/xml"), HasSubstr("content-type is \"text/xml\""));
  EXPECT_THAT(with("content-type", "application/cloudevents-batch+json"),
              HasSubstr("one event a record"));
}

TEST(CloudEvent, IsRefusedWhenItsValueIsNoJson) {
  const auto with_value = [](std::optional<std::string> value) {
    auto record = minimal_record();
    record.value = std::move(value);
    return refusal(record);
  };
  EXPECT_THAT(with_value(std::nullopt), HasSubstr("value is null"));
  EXPECT_THAT(with_value(""), HasSubstr("expected JSON"));
  EXPECT_THAT(with_value("{\"a\":"), HasSubstr("{\\\"a\\\":"));
  EXPECT_THAT(with_value("\"\xc3\x28\""), HasSubstr("expected JSON in UTF-8"));
  EXPECT_THAT(with_value("\"\\ud800\""), HasSubstr("expected JSON in UTF-8"));
  EXPECT_THAT(with_value("{\"a\":1e999}"), HasSubstr("expected JSON"));
  EXPECT_EQ(with_value(std::string(32, '[') + std::string(32, ']')), "accepted");
  EXPECT_THAT(with_value(std::string(33, '[') + std::string(33, ']')), HasSubstr("deeper than 32"));
  EXPECT_THAT(with_value(std::string(1'000'000, '[')), HasSubstr("deeper than 32"));
  EXPECT_EQ(with_value("\"" + std::string(100, '[') + "\\\"" + std::string(100, '{') + "\""),
            "accepted");

  auto envelope = minimal_envelope();
  envelope.erase("data");
  EXPECT_THAT(refusal(structured(envelope)), HasSubstr("no data"));
  EXPECT_THAT(refusal(structured(json::array())), HasSubstr("expected a JSON object"));
}

TEST(Partitions, AreThoseOfTheJavaClient) {
  // org.apache.kafka.common.utils.Utils.toPositive(Utils.murmur2(key)), from Kafka's own UtilsTest.
  EXPECT_EQ(partition_of("21", 1 << 30), (-973932308 & 0x7fffffff) % (1 << 30));
  EXPECT_EQ(partition_of("foobar", 1 << 30), (-790332482 & 0x7fffffff) % (1 << 30));
  EXPECT_EQ(partition_of("a-little-bit-long-string", 1 << 30),
            (-985981536 & 0x7fffffff) % (1 << 30));
  EXPECT_EQ(partition_of("a-little-bit-longer-string", 1 << 30),
            (-1486304829 & 0x7fffffff) % (1 << 30));
  EXPECT_EQ(partition_of("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", 1 << 30),
            (-58897971 & 0x7fffffff) % (1 << 30));
  EXPECT_EQ(partition_of("abc", 1 << 30), 479470107 % (1 << 30));
  EXPECT_EQ(partition_of("anything", 1), 0);
}

TEST(Topics, ThatAreJoinedHaveAsManyPartitions) {
  ASSERT_EQ(topics::all().size(), 9U);
  for (const auto& topic : topics::all()) {
    if (topic.name == topics::job_events || topic.name == topics::telemetry ||
        topic.name == topics::runs || topic.name == topics::costs) {
      EXPECT_EQ(topic.partitions, 12) << topic.name;
    }
    if (topic.name == topics::jobs || topic.name == topics::control ||
        topic.name == topics::alerts || topic.name == topics::dead_letter) {
      EXPECT_EQ(topic.partitions, 1) << topic.name;
    }
  }
}

}  // namespace
}  // namespace oppen
