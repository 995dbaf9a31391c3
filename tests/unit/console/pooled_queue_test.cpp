// Proves that the console reads what the queue really keeps in Redis, from many threads at once,
// and that a Redis which is away is named and used again once it is back.
#include "workers/console/pooled_queue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "scheduler/queue/keys.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/unit/console/scripted.hpp"
#include "workers/console/listing.hpp"

namespace oppen::console {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class PooledQueueTest : public ::testing::Test {
 protected:
  void write(const runtime::Redis::Args& command) {
    const auto done = writer_->command(command);
    ASSERT_TRUE(done) << done.error().message;
  }
  void put(const queue::JobRecord& record, const std::string& set, int score) {
    write({"SET", prefix_ + "job:" + record.spec.job_id, queue::encode(record)});
    write({"ZADD", prefix_ + set, std::to_string(score), record.spec.job_id});
  }

  runtime::RedisServer redis_;
  std::unique_ptr<runtime::Redis> writer_ = *runtime::Redis::create(redis_.url());
  std::unique_ptr<PooledQueue> queue_ =
      *PooledQueue::create(redis_.url(), "oppen.", std::chrono::seconds{5});
  const std::string prefix_ = queue::key_prefix("oppen.");
};

TEST_F(PooledQueueTest, ReadsTheJobsInTheirOrder) {
  put(record("second", JobState::queued), "queue:n", 2);
  put(record("first", JobState::queued), "queue:n", 1);
  put(record("runs", JobState::running), "live", 1);
  put(record("ended", JobState::succeeded), "ended", 1);
  const auto listed = list_jobs(*queue_, {"live", "queued", "ended"}, {"", 3});
  ASSERT_TRUE(listed) << listed.error().message;
  const json& jobs = (*listed)["jobs"];
  ASSERT_EQ(jobs.size(), 3u);
  EXPECT_EQ(jobs[0]["job_id"], "runs");
  EXPECT_EQ(jobs[1]["job_id"], "first");
  EXPECT_EQ(jobs[2]["position"], 2);
  const auto rest = list_jobs(*queue_, {"live", "queued", "ended"}, {(*listed)["next_cursor"], 3});
  EXPECT_EQ((*rest)["jobs"][0]["job_id"], "ended");
}

TEST_F(PooledQueueTest, AnswersManyThreadsAtOnce) {
  put(record("a", JobState::queued), "queue:n", 1);
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int turn = 0; turn < 50; ++turn) right += queue_->job("a").has_value() ? 1 : 0;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 400);
}

TEST_F(PooledQueueTest, SaysWhatIsNotThere) {
  EXPECT_EQ(queue_->job("x").error().kind, ErrorKind::not_found);
  EXPECT_EQ(queue_->policy().error().kind, ErrorKind::not_found);
  EXPECT_EQ(queue_->leader().error().kind, ErrorKind::not_found);
}

TEST_F(PooledQueueTest, NamesARedisThatIsAway) {
  EXPECT_TRUE(queue_->ping());
  redis_.kill();
  const auto away = queue_->counters();
  ASSERT_FALSE(away);
  EXPECT_EQ(away.error().kind, ErrorKind::unavailable);
  EXPECT_THAT(away.error().message, HasSubstr("OPPEN_REDIS_URL"));
  EXPECT_FALSE(queue_->ping());
  redis_.start();
  EXPECT_TRUE(queue_->ping());
}

TEST(PooledQueueStart, RefusesAMalformedUrl) {
  const auto queue = PooledQueue::create("http://nowhere", "oppen.", std::chrono::seconds{1});
  ASSERT_FALSE(queue);
  EXPECT_EQ(queue.error().kind, ErrorKind::invalid);
}

}  // namespace
}  // namespace oppen::console
