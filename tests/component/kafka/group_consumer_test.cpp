// A group shares the partitions of a topic: who owns one reads it from where it says, and gives it back when another comes.
#include "producers/client/group_consumer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "tests/component/kafka/mock_kafka.hpp"

namespace oppen::client {
namespace {

using namespace std::chrono_literals;

const TopicPartition first{"job-events", 0};
const TopicPartition second{"job-events", 1};

class GroupConsumerTest : public testing::Test {
 protected:
  GroupConsumerTest() {
    kafka_.create_topic("oppen.job-events", 2);
    producer_ = Producer::create(kafka_.settings(), {"job-events"}).value();
  }

  std::unique_ptr<GroupConsumer> join() {
    return GroupConsumer::create(kafka_.settings(), "oppen-test", {"job-events"}).value();
  }
  void publish(int partition, const std::string& key) {
    ASSERT_TRUE(producer_->send_and_wait("job-events", {key, "{}", {}}, 20s, partition));
  }
  // Polls all until it is so; what was read goes to `keys`.
  void poll_until(std::vector<GroupConsumer*> members, const std::function<bool()>& so) {
    const auto give_up_at = std::chrono::steady_clock::now() + 60s;
    while (!so()) {
      ASSERT_LT(std::chrono::steady_clock::now(), give_up_at) << "it did not come to that";
      for (auto* member : members) {
        static_cast<void>(member->poll(batch, 100, 20ms));
        for (std::size_t i = 0; i < batch.size(); ++i) keys.emplace_back(batch.view(i).record.key);
      }
    }
    batch.clear();
  }

  MockKafka kafka_;
  std::unique_ptr<Producer> producer_;
  std::vector<std::string> keys;
  RecordBatch batch;  // empty when a member ends
  std::vector<HeaderView> headers;
};

TEST_F(GroupConsumerTest, ReadsWhatItOwnsFromWhereItSays) {
  publish(0, "a");
  publish(0, "b");
  publish(1, "c");
  const auto member = join();
  EXPECT_TRUE(member->owned().empty());
  poll_until({member.get()}, [&] { return member->owned().size() == 2; });
  const auto generation = member->generation();
  EXPECT_TRUE(keys.empty()) << "nothing is read before it is started";
  ASSERT_TRUE(member->start({{first, 1}, {second, 0}}));
  poll_until({member.get()}, [&] { return keys.size() == 2; });
  std::sort(keys.begin(), keys.end());
  EXPECT_EQ(keys, (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(member->log_end(first), 2);
  EXPECT_EQ(member->generation(), generation);

  // Held, and begun again from an earlier place.
  ASSERT_TRUE(member->hold());
  publish(1, "d");
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(member->poll(batch, 100, 20ms));
    EXPECT_TRUE(batch.empty());
  }
  ASSERT_TRUE(member->start({{first, 0}, {second, 1}}));
  poll_until({member.get()}, [&] { return keys.size() == 5; });
  std::sort(keys.begin(), keys.end());
  EXPECT_EQ(keys, (std::vector<std::string>{"a", "b", "b", "c", "d"}));
}

TEST_F(GroupConsumerTest, ShowsRecordsUntilItIsPolledAgain) {
  ASSERT_TRUE(producer_->send_and_wait("job-events",
                                       {"k", "value", {{"ce_id", "1"}, {"empty", ""}}}, 20s, 0));
  ASSERT_TRUE(producer_->send_and_wait("job-events", {"", std::nullopt, {}}, 20s, 0));
  const auto member = join();
  poll_until({member.get()}, [&] { return member->owned().size() == 2; });
  ASSERT_TRUE(member->start({{first, 0}, {second, 0}}));
  const auto next = [&] {
    const auto give_up_at = std::chrono::steady_clock::now() + 60s;
    while (batch.empty() && std::chrono::steady_clock::now() < give_up_at)
      EXPECT_TRUE(member->poll(batch, 1, 20ms));
    EXPECT_EQ(batch.size(), 1U) << "no more than was asked for";
    return batch.view(0, headers);
  };
  auto view = next();
  EXPECT_EQ(view.topic, "job-events");
  EXPECT_EQ(view.partition, 0);
  EXPECT_EQ(view.record.key, "k");
  EXPECT_EQ(batch.bytes(), std::string("kvalue").size());
  const auto copy = copy_of(view);
  EXPECT_EQ(copy_of(batch.view(0, headers)).record.headers, copy.record.headers) << "a second time";
  EXPECT_TRUE(batch.view(0).record.headers.empty());
  EXPECT_EQ(copy.record.value, "value");
  EXPECT_EQ(copy.record.headers,
            (std::vector<std::pair<std::string, std::string>>{{"ce_id", "1"}, {"empty", ""}}));
  EXPECT_GT(copy.timestamp, Time{});
  batch.clear();
  view = next();
  EXPECT_EQ(view.offset, 1);
  EXPECT_EQ(view.record.value.data(), nullptr);
  EXPECT_EQ(copy_of(view).record.value, std::nullopt);
  EXPECT_TRUE(view.record.headers.empty());
  batch.clear();
}

// What librdkafka holds of an earlier place when another one is begun from is not given out.
TEST_F(GroupConsumerTest, GivesOutManyInTheirOrder) {
  constexpr int count = 3'000;
  for (int i = 0; i < count; ++i) {
    const auto number = std::to_string(i);
    const KafkaRecord record{number, "{}", {{"ce_id", number}, {"a", "b"}}};
    if (i % 500 == 499) {
      ASSERT_TRUE(producer_->send_and_wait("job-events", record, 20s, 0));
    } else {
      ASSERT_TRUE(producer_->send(
          "job-events", record, [](const auto&) {}, 0));
    }
  }
  const auto member = join();
  poll_until({member.get()}, [&] { return member->owned().size() == 2; });
  std::size_t largest = 0;
  for (const int begin : {0, 1'000}) {
    ASSERT_TRUE(member->start({{first, begin}, {second, 0}}));
    const auto give_up_at = std::chrono::steady_clock::now() + 60s;
    for (int next = begin; next < begin + 1'500;) {
      ASSERT_LT(std::chrono::steady_clock::now(), give_up_at) << "no " << next;
      ASSERT_TRUE(member->poll(batch, 400, 1s));
      ASSERT_LE(batch.size(), 400U);
      largest = std::max(largest, batch.size());
      for (std::size_t i = 0; i < batch.size(); ++i, ++next) {
        const auto record = batch.view(i, headers);
        ASSERT_EQ(record.offset, next);
        ASSERT_EQ(record.record.key, std::to_string(next));
        ASSERT_EQ(record.record.headers.size(), 2U);
        ASSERT_EQ(record.record.headers.front().value, std::to_string(next));
      }
    }
  }
  batch.clear();
  EXPECT_GT(largest, 1U);
}

// An error behind records is told when these have been given; those of other partitions go on.
TEST_F(GroupConsumerTest, TellsOfATroubleAndGoesOn) {
  publish(0, "a");
  publish(1, "b");
  const auto member = join();
  poll_until({member.get()}, [&] { return member->owned().size() == 2; });
  ASSERT_TRUE(member->start({{first, 7}, {second, 0}}));
  std::optional<Error> error;
  const auto give_up_at = std::chrono::steady_clock::now() + 60s;
  while ((!error || keys.empty()) && std::chrono::steady_clock::now() < give_up_at) {
    const auto status = member->poll(batch, 100, 20ms);
    if (!status) {
      EXPECT_TRUE(batch.empty());
      error = status.error();
    }
    for (std::size_t i = 0; i < batch.size(); ++i) keys.emplace_back(batch.view(i).record.key);
  }
  batch.clear();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind, ErrorKind::not_found) << error->message;
  EXPECT_EQ(keys, (std::vector<std::string>{"b"}));
}

TEST_F(GroupConsumerTest, SharesWithAnotherMember) {
  auto one = join();
  int revoked = 0;
  one->on_revoked = [&](bool lost) {
    EXPECT_FALSE(lost);
    EXPECT_FALSE(one->owned().empty()) << "what is taken back is still known";
    ++revoked;
  };
  poll_until({one.get()}, [&] { return one->owned().size() == 2; });
  ASSERT_TRUE(one->start({{first, 0}, {second, 0}}));
  auto before = revoked;  // a busy machine's group may begin anew once more than it has to

  auto other = join();
  poll_until({one.get(), other.get()},
             [&] { return one->owned().size() == 1 && other->owned().size() == 1; });
  EXPECT_GT(revoked, before);
  EXPECT_NE(*one->owned().begin(), *other->owned().begin());
  ASSERT_TRUE(one->start({{*one->owned().begin(), 0}}));
  ASSERT_TRUE(other->start({{*other->owned().begin(), 0}}));
  publish(0, "a");
  publish(1, "b");
  poll_until({one.get(), other.get()}, [&] { return keys.size() == 2; });

  before = revoked;
  other.reset();
  poll_until({one.get()}, [&] { return one->owned().size() == 2; });
  EXPECT_GT(revoked, before);
}

}  // namespace
}  // namespace oppen::client
