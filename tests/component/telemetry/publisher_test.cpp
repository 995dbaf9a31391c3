// Proves against librdkafka's mock broker that what is published arrives, in order: after the broker was away, after the process was
// killed, after errors that pass; and that what can never be sent stops nothing.
#include "producers/telemetry/publisher.hpp"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "tests/component/kafka/mock_kafka.hpp"

namespace oppen::telemetry {
namespace {

using namespace std::chrono_literals;
using client::MockKafka;

KafkaRecord record(int number) {
  return {"job-" + std::to_string(number % 3),
          "{\"number\":" + std::to_string(number) + "}",
          {{"ce_id", "sample-" + std::to_string(number)}, {"content-type", "application/json"}}};
}

class PublisherTest : public ::testing::Test {
 protected:
  ~PublisherTest() override { std::filesystem::remove_all(folder); }

  std::unique_ptr<Publisher> start(const client::KafkaSettings& kafka) const {
    auto publisher = Publisher::start(kafka, folder, 10'000'000);
    EXPECT_TRUE(publisher) << publisher.error().message;
    return std::move(*publisher);
  }
  // Of a topic of one partition, from its beginning.
  static void expect_arrived(const MockKafka& kafka, int from, int to) {
    const auto consumer = client::Consumer::create(kafka.settings(), "");
    ASSERT_TRUE(consumer);
    ASSERT_TRUE((*consumer)->assign({{{"telemetry", 0}, client::Consumer::beginning}}));
    for (int number = from; number < to; ++number) {
      const auto found = client::next_record(**consumer);
      ASSERT_TRUE(found) << number;
      const auto expected = record(number);
      EXPECT_EQ(found->record.value, expected.value);
      EXPECT_EQ(found->record.key, expected.key);
      EXPECT_EQ(found->record.headers, expected.headers);
    }
  }
  static bool within_a_minute(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(10ms);
    }
    return true;
  }
  static void publish(Publisher& publisher, int from, int to) {
    for (int number = from; number < to; ++number) ASSERT_TRUE(publisher.publish({record(number)}));
  }

  const std::string folder = ::testing::TempDir() + "publisher-" + std::to_string(getpid()) + "-" +
                             ::testing::UnitTest::GetInstance()->current_test_info()->name();
};

// First: before there are threads that a fork would leave behind.
TEST_F(PublisherTest, APublisherThatWasKilledIsTakenUpWhereItWas) {
  const auto child = fork();
  if (child == 0) {
    client::KafkaSettings nowhere;
    nowhere.brokers = "127.0.0.1:1";
    const auto publisher = Publisher::start(nowhere, folder, 10'000'000);
    for (int number = 0; publisher && number < 100; ++number)
      static_cast<void>((*publisher)->publish({record(number)}));
    raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));

  MockKafka kafka;
  kafka.create_topic("oppen.telemetry", 1);
  const auto publisher = start(kafka.settings());
  publish(*publisher, 100, 120);
  expect_arrived(kafka, 0, 120);
  EXPECT_EQ(publisher->dropped(), 0u);
}

TEST_F(PublisherTest, WhatIsPublishedArrivesInOrder) {
  MockKafka kafka;
  kafka.create_topic("oppen.telemetry", 1);
  const auto publisher = start(kafka.settings());
  publish(*publisher, 0, 500);
  expect_arrived(kafka, 0, 500);
  EXPECT_TRUE(within_a_minute([&] { return publisher->waiting() == 0; }));
  EXPECT_EQ(publisher->acknowledged(), 500u);
  EXPECT_TRUE(publisher->status());
}

TEST_F(PublisherTest, ItWaitsOnDiskWhileTheBrokerIsAway) {
  MockKafka kafka;
  kafka.create_topic("oppen.telemetry", 1);
  kafka.set_up(false);
  {
    const auto publisher = start(kafka.settings());
    publish(*publisher, 0, 100);
    EXPECT_EQ(publisher->waiting(), 100u);
    const auto status = publisher->status();
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().kind, ErrorKind::unavailable);
  }
  const auto publisher = start(kafka.settings());
  EXPECT_EQ(publisher->waiting(), 100u);
  publish(*publisher, 100, 200);
  kafka.set_up(true);
  expect_arrived(kafka, 0, 200);
  EXPECT_TRUE(within_a_minute([&] { return publisher->waiting() == 0; }));
  EXPECT_EQ(publisher->dropped(), 0u);
}

TEST_F(PublisherTest, ARefusalThatMayPassIsTriedAgain) {
  MockKafka kafka;
  kafka.create_topic("oppen.telemetry", 1);
  kafka.fail_produce(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 1);
  const auto publisher = start(kafka.settings());
  publish(*publisher, 0, 1);
  expect_arrived(kafka, 0, 1);
  EXPECT_TRUE(within_a_minute([&] { return publisher->waiting() == 0; }));
  EXPECT_TRUE(publisher->status());
}

TEST_F(PublisherTest, WhatCanNeverBeSentStopsNothing) {
  MockKafka kafka;
  kafka.create_topic("oppen.telemetry", 1);
  auto settings = kafka.settings();
  settings.properties["message.max.bytes"] = "2000";
  const auto publisher = start(settings);
  auto large = record(0);
  large.value = std::string(5000, 'x');
  ASSERT_TRUE(publisher->publish({large}));
  publish(*publisher, 0, 10);
  expect_arrived(kafka, 0, 10);
  EXPECT_TRUE(within_a_minute([&] { return publisher->waiting() == 0; }));
  EXPECT_EQ(publisher->dropped(), 1u);
}

}  // namespace
}  // namespace oppen::telemetry
