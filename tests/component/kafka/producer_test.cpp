// Proves against librdkafka's mock broker that the producer reports each record's fate exactly once
// and truthfully: the partition its key belongs to, what the broker refuses, what does not arrive
// in time, and that it comes back by itself.
#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "tests/component/kafka/mock_kafka.hpp"

namespace oppen::client {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

KafkaRecord record(const std::string& key, const std::string& value) { return {key, value, {}}; }

TEST(Producer, PutsARecordOnThePartitionOfItsKey) {
  MockKafka kafka;
  kafka.create_topic("oppen.job-events", 12);
  const auto producer = Producer::create(kafka.settings(), {"job-events"});
  ASSERT_TRUE(producer);
  for (const char* key : {"bert-20260103-1", "resnet-a", "x", "l-17"}) {
    const auto delivery = (*producer)->send_and_wait("job-events", record(key, "{}"), 10s);
    ASSERT_TRUE(delivery) << delivery.error().message;
    EXPECT_EQ(delivery->partition, partition_of(key, 12)) << key;
  }
  EXPECT_TRUE((*producer)->connected());
}

TEST(Producer, PutsARecordWhereItIsTold) {
  MockKafka kafka;
  kafka.create_topic("oppen.job-events", 12);
  const auto producer = Producer::create(kafka.settings(), {"job-events"});
  const auto delivery = (*producer)->send_and_wait("job-events", record("x", "{}"), 10s, 7);
  ASSERT_TRUE(delivery) << delivery.error().message;
  EXPECT_EQ(delivery->partition, 7);
}

TEST(Producer, CountsOffsetsAndCallsEachCallbackOnce) {
  MockKafka kafka;
  kafka.create_topic("oppen.jobs", 1);
  const auto producer = Producer::create(kafka.settings(), {"jobs"});
  constexpr int records = 1000;
  std::atomic<int> calls{0};
  std::atomic<std::int64_t> offsets{0};
  for (int i = 0; i < records; ++i) {
    ASSERT_TRUE((*producer)->send("jobs", record("a", "{}"), [&](const Result<Delivery>& delivery) {
      ++calls;
      offsets += delivery->offset;
    }));
  }
  ASSERT_TRUE((*producer)->flush(20s));
  EXPECT_EQ(calls, records);
  EXPECT_EQ(offsets, records * (records - 1) / 2);
}

TEST(Producer, TriesAgainAfterAPassingError) {
  MockKafka kafka;
  kafka.create_topic("oppen.jobs", 1);
  kafka.fail_produce(RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, 2);
  const auto producer = Producer::create(kafka.settings(), {"jobs"});
  const auto delivery = (*producer)->send_and_wait("jobs", record("a", "{}"), 20s);
  ASSERT_TRUE(delivery) << delivery.error().message;
  EXPECT_EQ(delivery->offset, 0);
}

TEST(Producer, SaysWhatTheBrokerRefuses) {
  MockKafka kafka;
  kafka.create_topic("oppen.jobs", 1);
  const auto producer = Producer::create(kafka.settings(), {"jobs"});
  kafka.fail_produce(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 1);
  const auto delivery = (*producer)->send_and_wait("jobs", record("a", "{}"), 20s);
  ASSERT_FALSE(delivery);
  EXPECT_EQ(delivery.error().kind, ErrorKind::refused);
  EXPECT_THAT(delivery.error().message, HasSubstr("oppen.jobs"));
}

TEST(Producer, RefusesWhatIsTooLarge) {
  MockKafka kafka;
  const auto producer = Producer::create(kafka.settings(), {});
  bool called = false;
  const auto sent = (*producer)->send("jobs", record("a", std::string(5'000'000, 'x')),
                                      [&](const Result<Delivery>&) { called = true; });
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().kind, ErrorKind::invalid);
  EXPECT_FALSE(called);
  EXPECT_TRUE((*producer)->flush(0s));
}

TEST(Producer, RefusesMoreThanItsQueueHolds) {
  MockKafka kafka;
  kafka.set_up(false);
  auto settings = kafka.settings();
  settings.properties["queue.buffering.max.messages"] = "2";
  const auto producer = Producer::create(settings, {"jobs"});
  std::atomic<int> failed{0};
  const auto count = [&](const Result<Delivery>& delivery) { failed += delivery ? 0 : 1; };
  ASSERT_TRUE((*producer)->send("jobs", record("a", "{}"), count));
  ASSERT_TRUE((*producer)->send("jobs", record("a", "{}"), count));
  const auto third = (*producer)->send("jobs", record("a", "{}"), count);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().kind, ErrorKind::unavailable);
  (*producer)->give_up();
  ASSERT_TRUE((*producer)->flush(20s));
  EXPECT_EQ(failed, 2);
}

TEST(Producer, IsUnavailableAtTheDeadlineAndComesBack) {
  MockKafka kafka;
  kafka.create_topic("oppen.jobs", 1);
  kafka.set_up(false);
  const auto producer = Producer::create(kafka.settings(), {"jobs"});
  ASSERT_TRUE(producer);
  const auto lost = (*producer)->send_and_wait("jobs", record("a", "first"), 50ms);
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().kind, ErrorKind::unavailable);
  EXPECT_FALSE((*producer)->connected());

  kafka.set_up(true);
  const auto delivery = (*producer)->send_and_wait("jobs", record("a", "second"), 20s);
  ASSERT_TRUE(delivery) << delivery.error().message;
  EXPECT_EQ(delivery->offset, 1) << "the first one arrives, too, only later";
  EXPECT_TRUE((*producer)->connected());
}

TEST(Producer, KnowsThatBrokersHaveGoneAndComeBack) {
  MockKafka kafka;
  kafka.create_topic("oppen.jobs", 1);
  const auto producer = Producer::create(kafka.settings(), {"jobs"});
  ASSERT_TRUE(producer);
  ASSERT_TRUE((*producer)->send_and_wait("jobs", record("a", "first"), 20s));
  ASSERT_TRUE((*producer)->connected());
  const auto becomes = [&](bool wanted) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while ((*producer)->connected() != wanted && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(10ms);
    return (*producer)->connected() == wanted;
  };
  kafka.set_up(false);
  EXPECT_TRUE(becomes(false));
  kafka.set_up(true);
  EXPECT_TRUE(becomes(true));
}

TEST(Producer, ACallThatWaitsLetsNothingLinger) {
  MockKafka kafka;
  kafka.create_topic("oppen.jobs", 1);
  auto settings = kafka.settings();
  settings.properties["linger.ms"] = "50000";
  const auto producer = Producer::create(settings, {"jobs"});
  ASSERT_TRUE(producer);
  EXPECT_TRUE((*producer)->send_and_wait("jobs", record("a", "first"), 20s));
  EXPECT_TRUE((*producer)->send_and_wait("jobs", record("a", "second"), 20s));
}

TEST(Producer, WhatItGivesUpDoesNotArriveLater) {
  MockKafka kafka;
  kafka.create_topic("oppen.jobs", 1);
  kafka.set_up(false);
  const auto producer = Producer::create(kafka.settings(), {"jobs"});
  std::atomic<int> failed{0};
  ASSERT_TRUE(
      (*producer)->send("jobs", record("a", "first"),
                        [&](const Result<Delivery>& delivery) { failed += delivery ? 0 : 1; }));
  EXPECT_FALSE((*producer)->flush(50ms));
  (*producer)->give_up();
  ASSERT_TRUE((*producer)->flush(20s));
  EXPECT_EQ(failed, 1);

  kafka.set_up(true);
  const auto delivery = (*producer)->send_and_wait("jobs", record("a", "second"), 20s);
  ASSERT_TRUE(delivery) << delivery.error().message;
  EXPECT_EQ(delivery->offset, 0);
}

TEST(Producer, GivesUpWhatIsInFlightWhenDestroyed) {
  MockKafka kafka;
  kafka.set_up(false);
  std::atomic<int> failed{0};
  {
    auto producer = Producer::create(kafka.settings(), {"jobs"});
    ASSERT_TRUE((*producer)->send("jobs", record("a", "{}"), [&](const Result<Delivery>& delivery) {
      failed += delivery ? 0 : 1;
    }));
  }
  EXPECT_EQ(failed, 1);
}

}  // namespace
}  // namespace oppen::client
