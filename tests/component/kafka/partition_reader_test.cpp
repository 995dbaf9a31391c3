// Proves against librdkafka's mock broker that partitions are read each by itself, whole and in order, however long one is left alone, and
// that the trouble of one is told of that one.
#include "producers/client/partition_reader.hpp"

#include <gmock/gmock.h>

#include <thread>

#include "tests/component/kafka/mock_kafka.hpp"

namespace oppen::client {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

class PartitionReaderTest : public testing::Test {
 protected:
  PartitionReaderTest() {
    kafka_.create_topic("oppen.telemetry", 2);
    producer_ = *Producer::create(kafka_.settings(), {"telemetry"});
  }

  void publish(int partition, const std::string& value) {
    const auto sent = producer_->send_and_wait("telemetry", {"k", value, {}}, 20s, partition);
    ASSERT_TRUE(sent) << sent.error().message;
  }
  void open(std::int64_t first, std::int64_t second) {
    auto reader = PartitionReader::create(kafka_.settings(),
                                          {{{"telemetry", 0}, first}, {{"telemetry", 1}, second}});
    ASSERT_TRUE(reader) << reader.error().message;
    reader_ = std::move(*reader);
  }
  // So many, or as many as come in 20 seconds.
  std::vector<std::string> read(std::size_t place, std::size_t count, std::size_t most = 100) {
    std::vector<std::string> values;
    std::vector<HeaderView> headers;
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (values.size() < count && std::chrono::steady_clock::now() < end) {
      RecordBatch batch("oppen.");
      const auto status = reader_->read(place, most, 1s, batch);
      EXPECT_TRUE(status) << status.error().message;
      EXPECT_LE(batch.size(), most);
      for (std::size_t i = 0; i < batch.size(); ++i) {
        const auto view = batch.view(i, headers);
        EXPECT_EQ(view.topic, "telemetry");
        EXPECT_EQ(view.partition, static_cast<int>(place));
        values.emplace_back(view.record.value);
      }
    }
    return values;
  }
  std::optional<Error> next_error_of(std::size_t place) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (std::chrono::steady_clock::now() < end) {
      RecordBatch batch;
      if (const auto status = reader_->read(place, 100, 1s, batch); !status) return status.error();
      if (const auto status = reader_->check(); !status) return status.error();
    }
    ADD_FAILURE() << "no error in 20 s";
    return std::nullopt;
  }

  MockKafka kafka_;
  std::unique_ptr<Producer> producer_;
  std::unique_ptr<PartitionReader> reader_;
};

TEST_F(PartitionReaderTest, ReadsEachPartitionByItselfFromItsOffset) {
  for (const auto* const value : {"a0", "a1", "a2", "a3"}) publish(0, value);
  for (const auto* const value : {"b0", "b1"}) publish(1, value);
  open(1, Consumer::beginning);
  EXPECT_THAT(read(1, 2), ElementsAre("b0", "b1"));
  EXPECT_THAT(read(0, 1, 1), ElementsAre("a1"));
  EXPECT_EQ(reader_->position(0), 2);
  EXPECT_FALSE(reader_->is_at_end(0));
  EXPECT_THAT(read(0, 2), ElementsAre("a2", "a3"));
  EXPECT_EQ(reader_->position(0), 4);
  RecordBatch batch;
  for (int i = 0; i < 20 && !reader_->is_at_end(0); ++i)
    ASSERT_TRUE(reader_->read(0, 100, 1s, batch));
  EXPECT_TRUE(reader_->is_at_end(0));
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(reader_->position(0), 4);
  publish(0, "a4");
  EXPECT_THAT(read(0, 1), ElementsAre("a4"));
  EXPECT_EQ(reader_->position(0), 5);
}

// Several times as much as waits in a queue.
TEST_F(PartitionReaderTest, WhatIsLeftAloneWaitsAndIsAllThere) {
  constexpr int count = 600;
  const std::string filling(10'000, '.');
  for (int i = 0; i < count; ++i) {
    KafkaRecord record{"k", std::to_string(i) + filling, {}};
    while (!producer_->send(
        "telemetry", record, [](const auto&) {}, 0))
      ASSERT_TRUE(producer_->flush(20s));
  }
  ASSERT_TRUE(producer_->flush(20s));
  open(0, 0);
  EXPECT_THAT(read(0, 1, 1), ElementsAre("0" + filling));
  publish(1, "b0");
  EXPECT_THAT(read(1, 1), ElementsAre("b0"));
  const auto rest = read(0, count - 1, 7);
  ASSERT_EQ(rest.size(), count - 1);
  for (int i = 1; i < count; ++i)
    EXPECT_EQ(rest[static_cast<std::size_t>(i - 1)], std::to_string(i) + filling);
}

TEST_F(PartitionReaderTest, SaysOfWhichPartitionTheOffsetIsNotInTheLog) {
  publish(0, "a0");
  open(0, 77);
  const auto error = next_error_of(1);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind, ErrorKind::not_found);
  EXPECT_THAT(error->message, HasSubstr("oppen.telemetry partition 1: offset 77"));
  EXPECT_THAT(read(0, 1), ElementsAre("a0"));
}

TEST_F(PartitionReaderTest, SaysThatBrokersAreDownUntilTheyAreBack) {
  publish(0, "a0");
  open(0, 0);
  EXPECT_THAT(read(0, 1), ElementsAre("a0"));
  kafka_.set_up(false);
  const auto error = next_error_of(0);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind, ErrorKind::unavailable);
  kafka_.set_up(true);
  publish(0, "a1");
  RecordBatch batch;
  for (int i = 0; i < 20 && batch.empty(); ++i) {
    const auto status = reader_->read(0, 100, 1s, batch);
    EXPECT_TRUE(status || status.error().kind == ErrorKind::unavailable);
  }
  EXPECT_EQ(batch.size(), 1);
  // That all were down may be told once more.
  Status status;
  for (int i = 0; i < 100 && !(status = reader_->check()); ++i) std::this_thread::sleep_for(200ms);
  EXPECT_TRUE(status);
}

TEST_F(PartitionReaderTest, TakesPropertiesThatAreMeantForProducers) {
  auto settings = kafka_.settings();
  settings.properties["message.max.bytes"] = "4000000";
  const std::map<TopicPartition, std::int64_t> offsets = {{{"telemetry", 0}, 0}};
  EXPECT_TRUE(PartitionReader::create(settings, offsets));
}

}  // namespace
}  // namespace oppen::client
