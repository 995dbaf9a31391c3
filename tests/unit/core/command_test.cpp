// A record is read before the core sees it: whatever its form, the same command; what can't be read says why.
#include "scheduler/core/command.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schemas/commands.hpp"

namespace oppen::core {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

const json batch{{"batch_id", "sweep"}, {"jobs", {{{"job_id", "a"}, {"model_type", "mnist"}}}}};

client::ConsumedRecord record(std::string_view type, const json& data) {
  return {"jobs", 0, 7, Time{},
          encode(CloudEvent{"id", "/test", std::string(type), Time{}, "", data}, "key")};
}

client::ConsumedRecord structured(std::string_view type, const json& data) {
  const json event{
      {"specversion", "1.0"}, {"id", "id"}, {"source", "/test"}, {"type", type}, {"data", data}};
  return {"jobs",
          0,
          7,
          Time{},
          {"key", event.dump(), {{"content-type", "application/cloudevents+json"}}}};
}

TEST(ReadCommand, ABatchIsScannedInEitherForm) {
  for (const auto& its_record :
       {record(BatchSubmit::type, batch), structured(BatchSubmit::type, batch)}) {
    auto command = read_command(its_record);
    EXPECT_EQ(command.fault, "");
    ASSERT_TRUE(command.part);
    EXPECT_EQ(command.part->batch_id, "sweep");
    EXPECT_EQ(command.part->jobs, 1);
    EXPECT_EQ(json::parse(command.part_data()), batch);
    EXPECT_EQ(command.offset(), 7);
  }
}

TEST(ReadCommand, EverythingElseIsParsedInEitherForm) {
  const json data{{"job_id", "a"}};
  for (const auto& its_record :
       {record(JobCancel::type, data), structured(JobCancel::type, data)}) {
    auto command = read_command(its_record);
    EXPECT_EQ(command.fault, "");
    EXPECT_FALSE(command.part);
    EXPECT_EQ(command.event.type, JobCancel::type);
    EXPECT_EQ(command.event.data, data);
  }
}

TEST(ReadCommand, SaysWhatCannotBeRead) {
  auto broken = record(BatchSubmit::type, batch);
  broken.record.value = "{\"jobs\": [";
  EXPECT_THAT(read_command(broken).fault, HasSubstr("expected JSON"));
  broken.record.value.reset();
  EXPECT_THAT(read_command(broken).fault, HasSubstr("null"));
  broken = record(JobSubmit::type, batch);
  broken.record.value = "nothing";
  EXPECT_THAT(read_command(broken).fault, HasSubstr("nothing"));
  EXPECT_EQ(read_command(broken).record.record.value, "nothing")
      << "it goes to the dead letter as it came";
}

}  // namespace
}  // namespace oppen::core
