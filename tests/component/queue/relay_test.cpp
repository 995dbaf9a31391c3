// The relay publishes everything, each job's events in their order; a batch of thousands holds nobody else's events up.
#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "scheduler/queue/outbox_relay.hpp"
#include "tests/component/kafka/mock_kafka.hpp"
#include "tests/component/queue/store_fixture.hpp"

namespace oppen::queue {
namespace {

class RelayTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    kafka.create_topic("oppen.job-events", 1);  // one partition: the order is seen whole
    producer = client::Producer::create(kafka.settings(), {"job-events"}).value();
    consumer = client::Consumer::create(kafka.settings(), "").value();
    ASSERT_TRUE(consumer->assign({{{"job-events", 0}, client::Consumer::beginning}}));
  }

  void start_relay() {
    relay = OutboxRelay::start(
                {"oppen.", server->url(), "/test", 5}, *producer, metrics,
                [this](const std::string& id) {
                  const std::lock_guard lock(mutex);
                  published.push_back(id);
                },
                [this](const Error& error) {
                  EXPECT_TRUE(may_fail) << error.message;
                  failed = true;
                })
                .value();
  }

  void stage_and_publish(const std::string& batch, int count) {
    std::vector<StagedJob> staged;
    StagedBatch jobs;
    for (int i = 0; i < count; ++i) {
      auto record = job(batch + "-" + std::to_string(i), Priority::normal, 20);
      record.version = 1;
      record.place = place_of(20, i);
      jobs.add(record);
      staged.push_back({record, event(record.spec.job_id)});
      if (staged.size() < 500 && i + 1 < count) continue;
      ASSERT_TRUE(store->stage(batch, i < 500, staged));
      staged.clear();
    }
    ASSERT_TRUE(claim_and_publish(batch, jobs));
  }

  // The ids of the next events on the bus.
  std::vector<std::string> read(std::size_t count) {
    std::vector<std::string> ids;
    while (ids.size() < count) {
      const auto record = client::next_record(*consumer);
      if (!record) break;
      ids.push_back(decode(record->record).value().id);
    }
    return ids;
  }

  client::MockKafka kafka;
  runtime::Metrics metrics;
  std::unique_ptr<client::Producer> producer;
  std::unique_ptr<client::Consumer> consumer;
  std::mutex mutex;
  std::vector<std::string> published;
  bool may_fail = false;
  std::atomic<bool> failed{false};
  std::unique_ptr<OutboxRelay> relay;
};

std::ptrdiff_t place_in(const std::vector<std::string>& ids, const std::string& id) {
  const auto found = std::find(ids.begin(), ids.end(), id);
  EXPECT_NE(found, ids.end()) << id << " is missing";
  return found - ids.begin();
}

TEST_F(RelayTest, ALongListHoldsUpItsOwnJobsAlone) {
  stage_and_publish("batch", 3'000);
  auto launched = event("batch-2999");
  launched.id = "batch-2999/2";
  const auto own = store->commit(Changes().event(launched)).value().outbox_id;
  const auto other = store->commit(Changes().event(event("other"))).value().outbox_id;
  start_relay();
  const auto ids = read(3'003);
  ASSERT_EQ(ids.size(), 3'003U);
  for (int i = 1; i < 3'000; ++i) {
    EXPECT_LT(place_in(ids, "batch-" + std::to_string(i - 1) + "/1"),
              place_in(ids, "batch-" + std::to_string(i) + "/1"));
  }
  EXPECT_LT(place_in(ids, "other/1"), 1'000) << "it waited for the list";
  EXPECT_GT(place_in(ids, "batch-2999/2"), place_in(ids, "batch-2999/1"));
  EXPECT_GT(place_in(ids, "batch/1"), place_in(ids, "batch-2999/1"));
  relay.reset();
  EXPECT_EQ(outbox(), 0);
  EXPECT_EQ(redis->command({"EXISTS", "{oppen.scheduler}:stage-events:batch"}).value().integer, 0);
  // Up to an id that is said to be published nothing may be missing, also of the list before it.
  ASSERT_FALSE(published.empty());
  EXPECT_FALSE(outbox_id_reached(own, published.front()));
  EXPECT_TRUE(outbox_id_reached(other, published.back()));
}

// It may be an older one that comes back under the same epoch, and hold entries that were published long ago.
TEST_F(RelayTest, DoesNotGoOnWithARedisThatWasAway) {
  may_fail = true;
  ASSERT_TRUE(store->commit(Changes().event(event("before"))));
  start_relay();
  ASSERT_EQ(read(1).size(), 1U) << "it would not notice an outage before its first connection";
  server->kill();
  server->start();
  for (int i = 0; i < 1'000 && !failed; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  ASSERT_TRUE(failed);
  redis = runtime::Redis::create(server->url()).value();
  ASSERT_TRUE(redis->command({"FLUSHALL"}));
  ASSERT_TRUE(Lease(*redis, "oppen.", "me", std::chrono::seconds(3)).claim(5, Time{}));
  store = std::make_unique<QueueStore>(*redis, "oppen.", 5);
  ASSERT_TRUE(store->commit(Changes().event(event("a"))));
  relay.reset();
  EXPECT_EQ(outbox(), 1) << "it was published without looking";
}

TEST_F(RelayTest, ManyListsGoOutInTheirOrder) {
  for (const auto* batch : {"one", "two", "three"}) stage_and_publish(batch, 300);
  start_relay();
  const auto ids = read(903);
  ASSERT_EQ(ids.size(), 903U);
  EXPECT_LT(place_in(ids, "one-299/1"), place_in(ids, "two-0/1"));
  EXPECT_LT(place_in(ids, "two-299/1"), place_in(ids, "three-0/1"));
  EXPECT_GT(place_in(ids, "three/1"), place_in(ids, "three-299/1"));
  relay.reset();
  EXPECT_EQ(outbox(), 0);
}

TEST_F(RelayTest, AListThatRedisHasLostIsNotTakenForItsEnd) {
  may_fail = true;
  stage_and_publish("batch", 700);
  ASSERT_TRUE(redis->command({"LTRIM", "{oppen.scheduler}:stage-events:batch", "0", "99"}));
  start_relay();
  const auto sent = read(100);
  ASSERT_FALSE(sent.empty());
  EXPECT_EQ(sent.back(), "batch-99/1");
  for (int i = 0; i < 1'000 && !failed; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  ASSERT_TRUE(failed);
  relay.reset();
  EXPECT_EQ(outbox(), 2) << "nothing is taken for published";
  ASSERT_TRUE(producer->flush(std::chrono::seconds(5)));
  EXPECT_EQ(consumer->watermarks({"job-events", 0}, std::chrono::seconds(5)).value().high, 100)
      << "batch.queued would name jobs that were never told of";
}

TEST_F(RelayTest, WhatStandsBeforeABrokenEntryIsPublished) {
  may_fail = true;
  ASSERT_TRUE(store->commit(Changes().event(event("a"))));
  ASSERT_TRUE(redis->command({"XADD", "{oppen.scheduler}:outbox", "*", "e", "no event"}));
  start_relay();
  EXPECT_EQ(read(1), std::vector<std::string>{"a/1"});
}

TEST_F(RelayTest, LargeEventsOfOneJobKeepTheirOrder) {
  Changes changes;
  std::vector<std::string> expected;
  for (int i = 0; i < 12; ++i) {
    auto large = event("a");
    large.id = expected.emplace_back("a/" + std::to_string(i));
    large.data = R"({"text": ")" + std::string(200'000, 'x') + "\"}";
    changes.event(large);
  }
  ASSERT_TRUE(store->commit(changes));
  start_relay();
  EXPECT_EQ(read(12), expected) << "they are handed over in several goes";
  relay.reset();
  EXPECT_EQ(outbox(), 0);
}

TEST_F(RelayTest, ThousandsOfKeptBackEventsAreRemovedAtOnce) {
  stage_and_publish("batch", 9'000);
  Changes cancels;
  for (int i = 0; i < 9'000; ++i) {
    auto cancelled = event("batch-" + std::to_string(i));
    cancelled.id = cancelled.key + "/2";
    cancels.event(cancelled);
  }
  ASSERT_TRUE(store->commit(cancels));
  start_relay();
  const auto ids = read(18'001);
  ASSERT_EQ(ids.size(), 18'001U);
  EXPECT_GT(place_in(ids, "batch-8999/2"), place_in(ids, "batch-8999/1"));
  relay.reset();
  EXPECT_EQ(outbox(), 0);
}

}  // namespace
}  // namespace oppen::queue
