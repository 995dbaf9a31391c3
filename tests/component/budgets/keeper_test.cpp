// The keeper on a real Redis and librdkafka's mock broker: what it says, and that only one says it.
#include "workers/cost/budgets/keeper/keeper.hpp"

#include <gtest/gtest.h>

#include <limits>
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

TEST_F(KeeperTest, ANumberThatBecomesTooLargeStaysAndStopsNothingElse) {
  const auto redis = runtime::Redis::create(redis_.url()).value();
  KeeperStore store(*redis, "oppen.", "one", 1min);
  ASSERT_TRUE(store.hold().value());
  const std::string most = std::to_string(std::numeric_limits<std::int64_t>::max());
  ASSERT_TRUE(store.commit({{"+idle:2026-01-01", "a", most}}));
  ASSERT_TRUE(store.commit({{"+idle:2026-01-01", "b", "1"},
                            {"+idle:2026-01-01", "a", "1"},
                            {"+idle:2026-01-01", "c", "2"},
                            {"next", "costs/0", "7"}}));
  EXPECT_EQ(store.all("idle:2026-01-01").value(),
            (std::map<std::string, std::string>{{"a", most}, {"b", "1"}, {"c", "2"}}));
  EXPECT_EQ(store.all("next").value().at("costs/0"), "7");
}

// GPUs that nobody takes. Times lie in the past, so that what is counted of them stands still but for the capacity of a node that is up.
class IdleTest : public KeeperTest {
 protected:
  static constexpr std::int64_t gpu_hour = std::int64_t{1'000'000} * 3'600'000;

  void node(int gpus, const std::string& state, Time at) {
    publish(topics::control, "node/n1/" + std::to_string(at.time_since_epoch().count()), "n1",
            NodeObserved{"n1", gpus, "A100", 8'000, 1 << 30, state}, at);
  }
  void took(const std::string& job, double gpus, Time from, Time to, bool correction = false) {
    CostAccrued cost;
    cost.job_id = job;
    cost.attempt = 1;
    cost.gpu_type = "A100";
    cost.interval_start = from;
    cost.interval_end = to;
    cost.gpus = gpus;
    cost.node = "n1";
    cost.correction = correction;
    const auto id = job + "/1/" + std::to_string(from.time_since_epoch().count()) + "-" +
                    std::to_string(to.time_since_epoch().count()) + (correction ? "/c1" : "");
    publish(topics::costs, id, job, cost, to);
  }
  // A keeper until `done` says so of what is in Redis.
  cost::IdleSum keep_until(const std::function<bool(const cost::IdleSum&)>& done) {
    Keeper keeper(kafka_.settings(), redis_.url(), {clock_, metrics_, *producer_});
    std::jthread keeping([&](const std::stop_token& over) { keeper.run(over); });
    const auto deadline = std::chrono::steady_clock::now() + 120s;
    cost::IdleSum sum;
    do {
      std::this_thread::sleep_for(50ms);
      sum = stored();
    } while (!done(sum) && std::chrono::steady_clock::now() < deadline);
    shown_ = idle_usd();
    keeping.request_stop();
    keeping.join();
    EXPECT_EQ(idle_usd(), 0) << "another keeper shows it";
    EXPECT_TRUE(done(sum));
    return stored();
  }
  cost::IdleSum stored() {
    const auto today = std::chrono::floor<std::chrono::days>(clock_.now());
    const auto sums =
        read_idle(*reading_, "oppen.", today - std::chrono::days(2), today + std::chrono::days(1));
    EXPECT_TRUE(sums);
    return sums.value_or(cost::IdleSums()).total;
  }

  double idle_usd() {
    return metrics_
        .gauge("oppen_gpu_idle_usd", "Of that, of the GPUs that nobody took",
               {{"gpu_type", "A100"}})
        .value();
  }

  double shown_ = 0;  // by the last keeper
  std::unique_ptr<runtime::Redis> reading_ = runtime::Redis::create(redis_.url()).value();
};

TEST_F(IdleTest, IsTheSameWhoeverCountsItHoweverOftenAndAfterRedisWasLost) {
  const auto begin = clock_.now() - 5h;
  node(4, "ready", begin);
  node(2, "cordoned", begin + 1h);
  node(2, "not_ready", begin + 2h);
  took("a", 2, begin, begin + 30min);
  took("b", 0.5, begin + 30min, begin + 90min);
  took("b", 0.5, begin + 75min, begin + 90min, true);
  took("late", 1, begin + 150min, begin + 180min);  // the node was away
  const std::int64_t capacity = 6 * gpu_hour;
  const std::int64_t taken = gpu_hour + gpu_hour * 3 / 8;
  const auto is_right = [&](const cost::IdleSum& sum) {
    return sum.capacity_time == capacity && sum.taken_time == taken + gpu_hour / 2 &&
           sum.unreconciled_time == gpu_hour / 2;
  };
  const auto first = keep_until(is_right);
  // Of each day it is rounded.
  EXPECT_NEAR(static_cast<double>(first.idle_microusd), 350'000 * 6 - 350'000 * 11 / 8, 3);
  EXPECT_NEAR(static_cast<double>(first.unreconciled_microusd), 175'000, 3);
  EXPECT_EQ(shown_ > 0, std::chrono::floor<std::chrono::days>(begin + 2h) ==
                            std::chrono::floor<std::chrono::days>(clock_.now()));

  // Published again, as after a crash of whoever did; and something new, so that there is an end to wait for.
  took("a", 2, begin, begin + 30min);
  node(4, "ready", begin);
  took("c", 1, begin + 90min, begin + 120min);
  const auto is_right_again = [&](const cost::IdleSum& sum) {
    return sum.capacity_time == capacity && sum.taken_time == taken + gpu_hour &&
           sum.unreconciled_time == gpu_hour / 2;
  };
  const auto second = keep_until(is_right_again);

  ASSERT_TRUE(reading_->command({"FLUSHALL"}));
  const auto rebuilt = keep_until(is_right_again);
  EXPECT_EQ(rebuilt.idle_microusd, second.idle_microusd);
  EXPECT_EQ(rebuilt.capacity_microusd, second.capacity_microusd);
}

TEST_F(IdleTest, RatesThatWereReadBeforeAnybodyCountedAreReadAgain) {
  const auto begin = clock_.now() - 3h;
  PolicyChanged policy;
  policy.cost_model = {{"gpu_type_hourly_usd", R"({"A100":2})"}};
  policy.effective_from = begin - 1h;
  publish(topics::control, "policy/1", "policy", policy, policy.effective_from);
  // As a keeper left it that did not count: it has read that.
  ASSERT_TRUE(reading_->command({"HSET", "{oppen.budgets}:next", "control/0", "1"}));
  node(1, "ready", begin);
  node(1, "not_ready", begin + 1h);
  const auto sum =
      keep_until([](const cost::IdleSum& now) { return now.capacity_time == gpu_hour; });
  EXPECT_EQ(sum.idle_microusd, 2'000'000);
}

TEST_F(IdleTest, WhereTheLogHoldsNoPolicyTheSchedulersHolds) {
  const auto begin = clock_.now() - 3h;
  PolicyChanged policy;
  policy.cost_model = {{"gpu_type_hourly_usd", R"({"A100":2})"}};
  policy.effective_from = begin - std::chrono::days(91);
  ASSERT_TRUE(
      reading_->command({"SET", "{oppen.scheduler}:policy", oppen::to_data(policy).dump()}));
  node(1, "ready", begin);
  node(1, "not_ready", begin + 1h);
  const auto sum =
      keep_until([](const cost::IdleSum& now) { return now.capacity_time == gpu_hour; });
  EXPECT_EQ(sum.idle_microusd, 2'000'000);
}

TEST_F(IdleTest, WhatWasReadByOneThatDoesNotCountIsNotTakenForIdle) {
  constexpr std::int64_t gpu_second = gpu_hour / 3'600;
  const auto begin = clock_.now() - 3h;
  const auto without_counting = [&] {  // a keeper reads all there is
    for (const client::TopicPartition& partition :
         {client::TopicPartition{"control", 0}, {"costs", 0}, {"costs", 1}}) {
      const auto marks = reader_->watermarks(partition, 20s);
      ASSERT_TRUE(marks);
      ASSERT_TRUE(reading_->command({"HSET", "{oppen.budgets}:next",
                                     partition.topic + "/" + std::to_string(partition.partition),
                                     std::to_string(marks->high)}));
    }
  };
  node(1, "ready", begin);
  took("a", 1, begin, begin + 30min);
  without_counting();
  std::optional<Time> since;
  const auto first = keep_until([&](const cost::IdleSum& now) {
    if (!since) {
      const auto stored = reading_->command({"HGET", "{oppen.budgets}:idle", "since"}).value();
      if (stored.is_nil()) return false;
      since = Time(std::chrono::milliseconds(std::stoll(stored.text)));
      EXPECT_GT(*since, begin + 3h - 1s) << "in whole seconds";
      took("late", 1, begin, begin + 30min);
      took("b", 1, *since - 5s, *since + 5s);
    }
    return now.taken_time == 5 * gpu_second;
  });
  EXPECT_LT(first.capacity_time, gpu_hour);
  EXPECT_EQ(first.unreconciled_time, 0);

  // The node goes, and one that does not count has read that.
  node(0, "gone", *since + 6s);
  ASSERT_TRUE(reading_->command({"HSET", "{oppen.budgets}:next", "control/0", "2"}));
  took("c", 1, *since + 5min, *since + 5min + 1s);
  const auto second =
      keep_until([&](const cost::IdleSum& now) { return now.unreconciled_time == gpu_second; });
  EXPECT_LT(second.capacity_time, 4 * 60 * gpu_second);
  const auto stored = reading_->command({"HGET", "{oppen.budgets}:idle", "since"}).value();
  EXPECT_EQ(stored.text, std::to_string(since->time_since_epoch().count())) << "all was counted";
}

}  // namespace
}  // namespace oppen::budgets
