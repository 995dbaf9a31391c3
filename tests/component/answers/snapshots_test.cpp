// Proves on a real Redis when the queue is read without a question: for the first one, never of a long queue, nor where nobody leads or the core
// is silent.
#include "scheduler/answers/snapshots.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>

#include "scheduler/queue/keys.hpp"
#include "tests/support/redis_server.hpp"

namespace oppen::answers {
namespace {

using namespace std::chrono_literals;

class SnapshotsTest : public testing::Test {
 protected:
  std::unique_ptr<Snapshots> snapshots() {
    return std::make_unique<Snapshots>(
        runtime::Redis::create(server.url()).value(), "oppen.", [this] { return ask(); },
        [this] {
          ++looks;
          return leads.load();
        });
  }
  // Slowly, so that it is worth being ahead of.
  Result<core::Situation> ask() {
    std::this_thread::sleep_for(20ms);
    ++asks;
    if (silent) return fail(ErrorKind::unavailable, "silent");
    core::Situation situation;
    situation.policy = std::make_shared<const plan::Policy>();
    situation.cost_model = std::make_shared<const pricing::CostModel>();
    return situation;
  }
  static testing::AssertionResult comes(const std::function<bool()>& condition) {
    const auto end = Snapshots::Clock::now() + 60s;
    while (!condition()) {
      if (Snapshots::Clock::now() > end) return testing::AssertionFailure() << "it does not come";
      std::this_thread::sleep_for(5ms);
    }
    return testing::AssertionSuccess();
  }

  runtime::RedisServer server;
  std::atomic<int> asks{0};
  std::atomic<int> looks{0};  // whether it is to be read without a question
  std::atomic<bool> leads{true};
  std::atomic<bool> silent{false};
};

TEST_F(SnapshotsTest, WhoLeadsNoLongerReadsNoMoreAndKeepsNone) {
  leads = false;
  const auto all = snapshots();
  ASSERT_TRUE(all->get()) << "it led when it was asked";
  EXPECT_TRUE(comes([&] { return all->last() == nullptr; }));
  EXPECT_EQ(asks, 1);
}

TEST_F(SnapshotsTest, AfterAFailureItIsLookedAgainNoSoonerThanForTheFirstQuestion) {
  const auto all = snapshots();
  ASSERT_TRUE(all->get());
  silent = true;
  const int known = asks;
  ASSERT_TRUE(comes([&] { return asks > known; })) << "ahead of the next question";
  const int before = looks;
  const int failed = asks;
  ASSERT_TRUE(comes([&] { return looks > before; }));
  EXPECT_LE(asks, failed + 1);
  EXPECT_NE(all->last(), nullptr) << "it still tells";
  silent = false;
  const auto last = all->last()->begun;
  EXPECT_TRUE(comes([&] { return all->last()->begun > last; }));
}

TEST_F(SnapshotsTest, OneIsKeptForTheFirstQuestionUnlessTheQueueIsLong) {
  auto redis = runtime::Redis::create(server.url()).value();
  ASSERT_TRUE(redis->command(
      {"EVAL", "for i = 1, 150001 do redis.call('ZADD', KEYS[1], i, 'j' .. i) end", "1",
       queue::key_prefix("oppen.") + queue::waiting_sets[0] + queue::letter(Priority::normal)}));
  const auto all = snapshots();
  ASSERT_TRUE(comes([&] { return looks == 2; }));
  EXPECT_EQ(asks, 0);
  ASSERT_TRUE(redis->command({"FLUSHALL"}));
  EXPECT_TRUE(comes([&] { return all->last() != nullptr; }));
}

}  // namespace
}  // namespace oppen::answers
