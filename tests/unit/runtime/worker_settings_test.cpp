// Proves that the common settings answer to the contract's names, and become Kafka settings.
#include "workers/runtime/worker_settings.hpp"

#include <gmock/gmock.h>

namespace oppen::runtime {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(WorkerSettings, AnswerToTheContractsNames) {
  WorkerSettings common;
  Settings settings("oppen-test", "Tests.");
  common.declare(settings, "127.0.0.1:8081");
  const char* args[] = {"oppen-test", "--help"};
  testing::internal::CaptureStdout();
  EXPECT_EQ(settings.parse(2, args), 0);
  EXPECT_THAT(
      testing::internal::GetCapturedStdout(),
      AllOf(HasSubstr("OPPEN_KAFKA_BROKERS"), HasSubstr("OPPEN_KAFKA_PROPERTIES"),
            HasSubstr("OPPEN_TOPIC_PREFIX"), HasSubstr("OPPEN_REDIS_URL"),
            HasSubstr("OPPEN_NAMESPACE"), HasSubstr("OPPEN_LISTEN"), HasSubstr("OPPEN_LOG_LEVEL"),
            HasSubstr("OPPEN_LOG_FORMAT"), HasSubstr("127.0.0.1:8081")));
}

TEST(WorkerSettings, BecomeKafkaSettings) {
  WorkerSettings common;
  Settings settings("oppen-test", "Tests.");
  common.declare(settings, "127.0.0.1:8081");
  const char* args[] = {"oppen-test", "--kafka-properties=sasl.password=hunter2",
                        "--topic-prefix=t."};
  ASSERT_EQ(settings.parse(3, args), std::nullopt);
  const auto kafka = common.kafka("oppen-test");
  ASSERT_TRUE(kafka);
  EXPECT_EQ(kafka->brokers, "127.0.0.1:9092");
  EXPECT_EQ(kafka->topic_prefix, "t.");
  EXPECT_EQ(kafka->client_id, "oppen-test");
  EXPECT_EQ(kafka->properties.at("sasl.password"), "hunter2");
  EXPECT_TRUE(kafka->log);
  EXPECT_THAT(settings.describe(), Not(HasSubstr("hunter2")));
}

TEST(WorkerSettings, RefuseMalformedKafkaProperties) {
  WorkerSettings common;
  common.kafka_properties = "nonsense";
  const auto kafka = common.kafka("oppen-test");
  ASSERT_FALSE(kafka);
  EXPECT_EQ(kafka.error().kind, ErrorKind::invalid);
}

}  // namespace
}  // namespace oppen::runtime
