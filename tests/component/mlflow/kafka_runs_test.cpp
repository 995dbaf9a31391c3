// Proves against librdkafka's mock broker that what was published is read back, and that a broker that comes back gets nothing twice.
#include "producers/mlflow/kafka_runs.hpp"

#include <gmock/gmock.h>

#include <future>

#include "producers/mlflow/events.hpp"
#include "tests/component/kafka/mock_kafka.hpp"

namespace oppen::mlflow {
namespace {

using namespace std::chrono_literals;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

KafkaRecord completed(const std::string& run_id) {
  RunCompleted run;
  run.run_id = run_id;
  return record_of(run);
}

class KafkaRunsTest : public ::testing::Test {
 protected:
  KafkaRunsTest() {
    kafka_.create_topic("oppen.runs", 3);
    runs_ = std::move(*KafkaRuns::create(kafka_.settings(), health_, stop_.get_token()));
  }

  std::vector<std::string> read_back() {
    std::vector<std::string> ids;
    const auto read = runs_->read_back(
        [&](const KafkaRecord& record) { ids.push_back(published_in(record).run_id); });
    EXPECT_TRUE(read) << read.error().message;
    return ids;
  }

  client::MockKafka kafka_;
  runtime::Health health_;
  std::stop_source stop_;
  std::unique_ptr<KafkaRuns> runs_;
};

TEST_F(KafkaRunsTest, WhatWasPublishedIsReadBack) {
  ASSERT_TRUE(runs_->reachable());
  EXPECT_THAT(read_back(), IsEmpty());
  const auto kept =
      runs_->publish({completed("a"), completed("b"), completed("c"), completed("d")});
  ASSERT_TRUE(kept) << kept.error().message;
  for (const auto& status : *kept) EXPECT_TRUE(status);
  EXPECT_THAT(read_back(), UnorderedElementsAre("a", "b", "c", "d"));
}

TEST_F(KafkaRunsTest, WhatIsTooLargeStopsNoOther) {
  auto huge = completed("huge");
  huge.value = std::string(std::size_t{5} << 20, 'x');
  const auto kept = runs_->publish({completed("a"), huge, completed("b")});
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_TRUE((*kept)[0]);
  ASSERT_FALSE((*kept)[1]);
  EXPECT_EQ((*kept)[1].error().kind, ErrorKind::invalid);
  EXPECT_TRUE((*kept)[2]);
  EXPECT_THAT(read_back(), UnorderedElementsAre("a", "b"));
}

TEST_F(KafkaRunsTest, ABrokerThatComesBackGetsItOnce) {
  ASSERT_TRUE(runs_->reachable());
  kafka_.set_up(false);
  auto published = std::async(std::launch::async, [&] { return runs_->publish({completed("a")}); });
  EXPECT_EQ(published.wait_for(1s), std::future_status::timeout) << "nobody has acknowledged it";
  kafka_.set_up(true);
  const auto kept = published.get();
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_THAT(read_back(), UnorderedElementsAre("a"));
}

TEST_F(KafkaRunsTest, WhatCannotBeReadToItsEndIsNotTakenForAll) {
  ASSERT_TRUE(runs_->publish({completed("a"), completed("b"), completed("c"), completed("d")}));
  // The broker answers what else it is asked, and gives no record.
  kafka_.fail_fetch(RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, 100'000);
  const auto read = runs_->read_back([](const KafkaRecord&) {});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::unavailable);
  kafka_.fail_fetch(RD_KAFKA_RESP_ERR_NO_ERROR, 0);
  EXPECT_THAT(read_back(), UnorderedElementsAre("a", "b", "c", "d"));
}

TEST_F(KafkaRunsTest, AStopEndsEveryWait) {
  kafka_.set_up(false);
  stop_.request_stop();
  EXPECT_FALSE(runs_->publish({completed("a")}));
  EXPECT_FALSE(runs_->read_back([](const KafkaRecord&) {}));
}

}  // namespace
}  // namespace oppen::mlflow
