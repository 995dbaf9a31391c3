// Proves how OPPEN_KAFKA_PROPERTIES is read, that a property which librdkafka refuses is named, and
// that no message repeats what may be a password.
#include <gmock/gmock.h>

#include "producers/client/kafka.hpp"

namespace oppen::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

TEST(KafkaProperties, AreNameValuePairsSeparatedBySemicolons) {
  const auto properties = parse_kafka_properties("sasl.username=me; sasl.password=a=b ;;");
  ASSERT_TRUE(properties);
  EXPECT_THAT(*properties, ElementsAre(Pair("sasl.password", "a=b"), Pair("sasl.username", "me")));
}

TEST(KafkaProperties, MayBeEmpty) {
  EXPECT_THAT(*parse_kafka_properties(""), IsEmpty());
  EXPECT_THAT(*parse_kafka_properties(" ; "), IsEmpty());
}

TEST(KafkaProperties, WithoutANameAreRefusedByPlaceNotByContent) {
  for (const char* text : {"acks=all;hunter2", "acks=all;=hunter2"}) {
    const auto properties = parse_kafka_properties(text);
    ASSERT_FALSE(properties);
    EXPECT_EQ(properties.error().kind, ErrorKind::invalid);
    EXPECT_THAT(properties.error().message, HasSubstr("part 2"));
    EXPECT_THAT(properties.error().message, HasSubstr("OPPEN_KAFKA_PROPERTIES"));
    EXPECT_THAT(properties.error().message, Not(HasSubstr("hunter2")));
  }
}

TEST(KafkaProperties, ThatLibrdkafkaDoesNotKnowAreNamed) {
  KafkaSettings settings;
  settings.properties["no.such.property"] = "1";
  const auto producer = Producer::create(settings, {});
  ASSERT_FALSE(producer);
  EXPECT_EQ(producer.error().kind, ErrorKind::invalid);
  EXPECT_THAT(producer.error().message, HasSubstr("no.such.property"));
  const auto consumer = Consumer::create(settings, "");
  ASSERT_FALSE(consumer);
  EXPECT_EQ(consumer.error().kind, ErrorKind::invalid);
}

}  // namespace
}  // namespace oppen::client
