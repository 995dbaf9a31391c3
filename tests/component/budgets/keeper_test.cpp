// The keeper on a real Redis and librdkafka's mock broker: what it says, and that only one says it.
#include "workers/cost/budgets/keeper/keeper.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "schemas/cloud_event.hpp"
#include "schemas/costs.hpp"
#include "schemas/parse.hpp"
#include "schemas/topics.hpp"
#include "tests/component/kafka/mock_kafka.hpp"
#include "tests/support/redis_server.hpp"
#include "workers/cost/budgets/keeper/keeper_store.hpp"

namespace oppen::budgets {
namespace {

using namespace std::chrono_literals;

class KeeperTest : public testing::Test {
 protected:
  KeeperTest() {
    kafka_.create_topic("oppen.control", 1);
    kafka_.create_topic("oppen.costs", 2);
    kafka_.create_topic("oppen.dead-letter", 1);
    producer_ = *client::Producer::create(kafka_.settings(), {"control", "costs", "dead-letter"});
    reader_ = *client::Consumer::create(kafka_.settings(), "");
    EXPECT_TRUE(reader_->assign({{{"control", 0}, client::Consumer::beginning}}));
  }

  template <class Data>
  void publish(std::string_view topic, const std::string& id, const std::string& key,
               const Data& data, Time time) {
    CloudEvent event;
    event.id = id;
    event.source = "/test";
    event.type = Data::type;
    event.time = time;
    event.subject = key;
    ASSERT_TRUE(producer_->send_and_wait(topic, encode(event, key, to_text(data)), 20s));
  }
  void set_budget() {
    BudgetSet set{"all", {}, "month", {1'000}, {}, "hard"};
    publish(topics::control, "set", "all", set, clock_.now());
  }
  void charge(const std::string& job, std::int64_t amount) {
    CostAccrued cost;
    cost.job_id = job;
    cost.attempt = 1;
    cost.model_type = "mnist";
    cost.workload_type = "training";
    cost.interval_start = clock_.now() - 30s;
    cost.interval_end = clock_.now();
    cost.gpu = cost.total = {amount};
    publish(topics::costs, job + "/1/0-1", job, cost, clock_.now());
  }
  // The next budget.state in the log.
  std::pair<CloudEvent, BudgetState> next_state() {
    while (const auto record = client::next_record(*reader_)) {
      const auto event = decode(record->record);
      if (event && event->type == BudgetState::type)
        return {*event, parse_data<BudgetState>(event->data).value()};
    }
    return {};
  }

  runtime::RedisServer redis_;
  client::MockKafka kafka_;
  std::unique_ptr<client::Producer> producer_;
  std::unique_ptr<client::Consumer> reader_;
  SystemClock clock_;
  runtime::Metrics metrics_;
};

TEST_F(KeeperTest, SaysWhatIsSpentAndContradictsWhoeverElseDoes) {
  set_budget();
  charge("a", 30);
  charge("b", 12);
  // As the scheduler counts what waits.
  const auto redis = runtime::Redis::create(redis_.url()).value();
  ASSERT_TRUE(redis->command({"HSET", "{oppen.scheduler}:counters", "reserved:vision -", "700"}));
  const auto began = clock_.now();
  Keeper keeper(kafka_.settings(), redis_.url(), {clock_, metrics_, *producer_});
  const std::jthread keeping([&](const std::stop_token& over) { keeper.run(over); });
  const auto [first, state] = next_state();
  EXPECT_EQ(state.budget_id, "all");
  EXPECT_EQ(state.spent.value, 42);
  EXPECT_EQ(state.committed.value, 700);
  EXPECT_EQ(state.period, "month");
  EXPECT_GE(first.time, began);
  // A keeper that was paused before it could say this.
  auto stale = state;
  stale.spent = {7};
  publish(topics::control, "stale", "all", stale, first.time - 1s);
  EXPECT_EQ(next_state().first.id, "stale");
  const auto [again, right] = next_state();
  EXPECT_EQ(right.spent.value, 42);
  EXPECT_GT(again.time, first.time);
}

TEST_F(KeeperTest, WhoWasReplacedIsToldSoAlsoWhenItHasNothingToStore) {
  const auto redis = runtime::Redis::create(redis_.url()).value();
  KeeperStore paused(*redis, "oppen.", "paused", 1min);
  ASSERT_TRUE(paused.hold().value());
  ASSERT_TRUE(paused.commit({}));
  ASSERT_TRUE(redis->command({"DEL", "{oppen.budgets}:lease"}));  // it has run out
  KeeperStore other(*redis, "oppen.", "other", 1min);
  ASSERT_TRUE(other.hold().value());
  EXPECT_FALSE(paused.hold().value());
  const auto refused = paused.commit({});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::fenced);
  // It has it again: what the other has stored meanwhile it does not know.
  ASSERT_TRUE(other.commit({}));
  other.release();
  ASSERT_TRUE(paused.hold().value());
  EXPECT_FALSE(paused.commit({}));
}

}  // namespace
}  // namespace oppen::budgets
