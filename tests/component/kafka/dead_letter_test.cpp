// Proves that a record set aside arrives on `dead-letter` untouched with its story in headers, and
// that nothing is counted or said to be kept while the broker is away.
#include "workers/runtime/dead_letter.hpp"

#include <gmock/gmock.h>

#include "tests/component/kafka/mock_kafka.hpp"

namespace oppen::runtime {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

client::ConsumedRecord broken() {
  return {"jobs", 0, 41, Time{}, {"key", std::string("\xff not JSON"), {{"ce_id", "1"}}}};
}

TEST(DeadLetters, KeepTheRecordUntouchedAndSayWhy) {
  client::MockKafka kafka;
  kafka.create_topic("oppen.dead-letter", 1);
  const auto producer = client::Producer::create(kafka.settings(), {"dead-letter"});
  Metrics metrics;
  DeadLetters letters(**producer, metrics, "scheduler", "oppen.");
  // The cut must not split the two-byte character that straddles 1,000 bytes.
  const auto put = letters.put(broken(), std::string(999, 'x') + "\xc3\xa4 and more", 20s);
  ASSERT_TRUE(put) << put.error().message;

  const auto consumer = client::Consumer::create(kafka.settings(), "");
  ASSERT_TRUE((*consumer)->assign({{{"dead-letter", 0}, client::Consumer::beginning}}));
  const auto letter = client::next_record(**consumer);
  ASSERT_TRUE(letter);
  EXPECT_EQ(letter->record.key, "key");
  EXPECT_EQ(letter->record.value, "\xff not JSON");
  EXPECT_THAT(letter->record.headers,
              ElementsAre(Pair("ce_id", "1"), Pair("oppen_error", std::string(999, 'x')),
                          Pair("oppen_topic", "oppen.jobs"), Pair("oppen_partition", "0"),
                          Pair("oppen_offset", "41"), Pair("oppen_worker", "scheduler")));
  EXPECT_THAT(metrics.render(),
              HasSubstr("oppen_dead_letters_total{topic=\"oppen.jobs\",worker=\"scheduler\"} 1\n"));
}

TEST(DeadLetters, ReplaceWhatIsNotUtf8InTheReason) {
  client::MockKafka kafka;
  kafka.create_topic("oppen.dead-letter", 1);
  const auto producer = client::Producer::create(kafka.settings(), {"dead-letter"});
  Metrics metrics;
  ASSERT_TRUE(
      DeadLetters(**producer, metrics, "cost", "oppen.").put(broken(), "bad \xff byte", 20s));
  const auto consumer = client::Consumer::create(kafka.settings(), "");
  ASSERT_TRUE((*consumer)->assign({{{"dead-letter", 0}, client::Consumer::beginning}}));
  const auto letter = client::next_record(**consumer);
  ASSERT_TRUE(letter);
  EXPECT_EQ(letter->record.headers.at(1).second, "bad \xef\xbf\xbd byte");
}

TEST(DeadLetters, AreNotCountedBeforeTheBrokerHasThem) {
  client::MockKafka kafka;
  kafka.create_topic("oppen.dead-letter", 1);
  kafka.set_up(false);
  const auto producer = client::Producer::create(kafka.settings(), {"dead-letter"});
  Metrics metrics;
  const auto put =
      DeadLetters(**producer, metrics, "scheduler", "oppen.").put(broken(), "why", 50ms);
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().kind, ErrorKind::unavailable);
  EXPECT_THAT(put.error().message, HasSubstr("offset 41"));
  EXPECT_THAT(metrics.render(), Not(HasSubstr("oppen_dead_letters_total{")));
  kafka.set_up(true);
}

}  // namespace
}  // namespace oppen::runtime
