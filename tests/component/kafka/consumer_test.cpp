// Proves against librdkafka's mock broker that the consumer gives back what was published from
// where it is told to read, wakes when asked, and says of each trouble what it is.
#include <gmock/gmock.h>

#include <thread>

#include "tests/component/kafka/mock_kafka.hpp"

namespace oppen::client {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

class ConsumerTest : public testing::Test {
 protected:
  ConsumerTest() {
    kafka_.create_topic("oppen.jobs", 1);
    producer_ = std::move(*Producer::create(kafka_.settings(), {"jobs"}));
    consumer_ = std::move(*Consumer::create(kafka_.settings(), "oppen-test"));
  }

  void publish(const KafkaRecord& record) {
    const auto delivery = producer_->send_and_wait("jobs", record, 20s);
    ASSERT_TRUE(delivery) << delivery.error().message;
  }

  const TopicPartition jobs_{"jobs", 0};
  MockKafka kafka_;
  std::unique_ptr<Producer> producer_;
  std::unique_ptr<Consumer> consumer_;
};

TEST_F(ConsumerTest, GivesBackWhatWasPublished) {
  const std::string binary("\0\xff text", 7);
  publish({"key", binary, {{"ce_id", "1"}, {"ce_id", "2"}, {"empty", ""}}});
  publish({"", std::nullopt, {}});
  ASSERT_TRUE(consumer_->assign({{jobs_, Consumer::beginning}}));

  const auto first = next_record(*consumer_);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->topic, "jobs");
  EXPECT_EQ(first->partition, 0);
  EXPECT_EQ(first->offset, 0);
  EXPECT_GT(first->timestamp, Time{});
  EXPECT_EQ(first->record.key, "key");
  EXPECT_EQ(first->record.value, binary);
  EXPECT_THAT(first->record.headers,
              ElementsAre(Pair("ce_id", "1"), Pair("ce_id", "2"), Pair("empty", "")));

  const auto second = next_record(*consumer_);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->offset, 1);
  EXPECT_EQ(second->record.value, std::nullopt);
}

TEST_F(ConsumerTest, ReadsFromTheOffsetItIsGivenAlsoTheSecondTime) {
  for (const char* value : {"0", "1", "2"}) publish({"k", value, {}});
  ASSERT_TRUE(consumer_->assign({{jobs_, 2}}));
  EXPECT_EQ(next_record(*consumer_)->record.value, "2");
  ASSERT_TRUE(consumer_->assign({{jobs_, 1}}));
  EXPECT_EQ(next_record(*consumer_)->record.value, "1");
}

TEST_F(ConsumerTest, AnswersWhatTheClusterHolds) {
  for (const char* value : {"0", "1", "2"}) publish({"k", value, {}});
  const auto marks = consumer_->watermarks(jobs_, 10s);
  ASSERT_TRUE(marks) << marks.error().message;
  EXPECT_EQ(marks->low, 0);
  EXPECT_EQ(marks->high, 3);
  kafka_.create_topic("oppen.job-events", 12);
  EXPECT_EQ(consumer_->partition_count("job-events", 10s).value(), 12);
  EXPECT_THAT(consumer_->cluster_id(10s).value(), HasSubstr("mock"));
}

TEST_F(ConsumerTest, SaysThatATopicIsMissing) {
  kafka_.hide_topic("oppen.no-such");
  const auto count = consumer_->partition_count("no-such", 10s);
  ASSERT_FALSE(count);
  EXPECT_EQ(count.error().kind, ErrorKind::not_found);
  EXPECT_THAT(count.error().message, HasSubstr("oppen.no-such"));
  EXPECT_THAT(count.error().message, HasSubstr("create the topic"));

  ASSERT_TRUE(consumer_->assign({{{"no-such", 0}, 0}}));
  const auto error = next_error(*consumer_);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind, ErrorKind::not_found);
  EXPECT_THAT(error->message, HasSubstr("oppen.no-such"));
}

TEST_F(ConsumerTest, SaysWhatTheLogHoldsWhenTheOffsetIsNotInIt) {
  publish({"k", "0", {}});
  ASSERT_TRUE(consumer_->assign({{jobs_, 77}}));
  const auto error = next_error(*consumer_);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind, ErrorKind::not_found);
  EXPECT_THAT(error->message, HasSubstr("oppen.jobs partition 0: offset 77"));
  EXPECT_THAT(error->message, HasSubstr("holds 0 up to 1"));
}

TEST_F(ConsumerTest, WakesFromAnotherThread) {
  ASSERT_TRUE(consumer_->assign({{jobs_, Consumer::end}}));
  std::jthread other([this] { consumer_->wake(); });
  // Would outlast the test's own time limit if it did not wake.
  const auto polled = consumer_->poll(3600s);
  ASSERT_TRUE(polled);
  EXPECT_FALSE(*polled);
}

TEST_F(ConsumerTest, SaysThatBrokersAreDownUntilTheyAreBack) {
  publish({"k", "0", {}});
  ASSERT_TRUE(consumer_->assign({{jobs_, 0}}));
  ASSERT_TRUE(next_record(*consumer_));
  kafka_.set_up(false);
  const auto error = next_error(*consumer_);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind, ErrorKind::unavailable);
  EXPECT_FALSE(consumer_->watermarks(jobs_, 50ms));
  EXPECT_FALSE(consumer_->poll(10ms)) << "it is still down";

  kafka_.set_up(true);
  publish({"k", "1", {}});
  EXPECT_EQ(next_record(*consumer_)->record.value, "1");
  EXPECT_TRUE(consumer_->poll(10ms));
}

TEST_F(ConsumerTest, CommitsForOthersToSee) {
  publish({"k", "0", {}});
  ASSERT_TRUE(consumer_->assign({{jobs_, 0}}));
  ASSERT_TRUE(next_record(*consumer_));
  consumer_->commit_info(jobs_, 1);
  consumer_.reset();  // waits for the commit

  const auto settings = kafka_.settings();
  auto* conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "bootstrap.servers", settings.brokers.c_str(), nullptr, 0);
  rd_kafka_conf_set(conf, "group.id", "oppen-test", nullptr, 0);
  auto* group = rd_kafka_new(RD_KAFKA_CONSUMER, conf, nullptr, 0);
  auto* list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(list, "oppen.jobs", 0);
  EXPECT_EQ(rd_kafka_committed(group, list, 10'000), RD_KAFKA_RESP_ERR_NO_ERROR);
  EXPECT_EQ(list->elems[0].offset, 1);
  rd_kafka_topic_partition_list_destroy(list);
  rd_kafka_destroy(group);
}

}  // namespace
}  // namespace oppen::client
