#pragma once
// A store on a real Redis that each test finds empty, led by epoch 5.
#include <gtest/gtest.h>

#include "scheduler/queue/lease.hpp"
#include "scheduler/queue/store.hpp"
#include "tests/support/redis_server.hpp"

namespace oppen::queue {

class StoreTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { server = new runtime::RedisServer(); }
  static void TearDownTestSuite() {
    delete server;
    server = nullptr;
  }

  void SetUp() override {
    redis = runtime::Redis::create(server->url()).value();
    ASSERT_TRUE(redis->command({"FLUSHALL"}));
    ASSERT_TRUE(Lease(*redis, "oppen.", "me", std::chrono::seconds(3)).claim(5, Time{}));
    store = std::make_unique<QueueStore>(*redis, "oppen.", 5);
  }

  static JobRecord job(const std::string& id, Priority priority, std::int64_t offset) {
    JobRecord record;
    record.spec.job_id = id;
    record.spec.model_type = "mnist";
    record.spec.resources = {1, std::nullopt, "", 1000, std::int64_t{2} << 30};
    record.priority = priority;
    record.seq = 1;
    record.place = place_of(offset, 0);
    record.estimated_cost = {20'500};
    record.estimated_seconds = 240;
    return record;
  }
  static OutboxEntry event(const std::string& id) {
    return {"job-events", id, "type", id + "/1", Time{}, "{}"};
  }

  // Puts a queued job, caused by its offset.
  JobRecord queue_job(const std::string& id, Priority priority, std::int64_t offset) {
    auto record = job(id, priority, offset);
    EXPECT_TRUE(store->commit(Changes().cause("jobs", offset).put(record).event(event(id))));
    return record;
  }

  // Claims the ids of a batch's jobs, some at a time. The jobs that have their ids already.
  std::vector<ExistingJob> claim(const std::string& batch, StagedBatch& staged) {
    std::vector<ExistingJob> existing;
    std::vector<ToldJob> told;
    for (Slices slices(staged, 250); !slices.done();) {
      const auto claimed = store->claim_jobs(batch, slices.next());
      EXPECT_TRUE(claimed) << claimed.error().message;
      if (!claimed) break;
      existing.insert(existing.end(), claimed->existing.begin(), claimed->existing.end());
      told.insert(told.end(), claimed->told.begin(), claimed->told.end());
    }
    staged.leave_out(told);
    return existing;
  }
  Result<Committed> claim_and_publish(const std::string& batch, StagedBatch staged) {
    EXPECT_TRUE(claim(batch, staged).empty());
    return store->publish_batch(batch, "{}", event(batch), 1, staged);
  }

  std::size_t stage_keys() { return redis->command({"KEYS", "*:stage*"}).value().elements.size(); }
  std::int64_t outbox() { return store->outbox_length().value(); }

  static inline runtime::RedisServer* server = nullptr;
  std::unique_ptr<runtime::Redis> redis;
  std::unique_ptr<QueueStore> store;
};

}  // namespace oppen::queue
