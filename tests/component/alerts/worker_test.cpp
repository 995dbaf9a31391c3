// The worker on a real Redis and librdkafka's mock broker: what is stored, who may store it, and what comes of what a dead one left.
#include "workers/anomaly/worker/worker.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "schemas/parse.hpp"
#include "schemas/telemetry.hpp"
#include "schemas/topics.hpp"
#include "tests/component/kafka/mock_kafka.hpp"
#include "tests/support/redis_server.hpp"
#include "workers/anomaly/detect/state.hpp"
#include "workers/anomaly/episodes/view.hpp"
#include "workers/anomaly/rules/live_series.hpp"
#include "workers/anomaly/worker/outbox.hpp"
#include "workers/runtime/leased_store.hpp"

namespace oppen::anomaly {
namespace {

using namespace std::chrono_literals;

class WorkerTest : public testing::Test {
 protected:
  WorkerTest() {
    for (const auto& topic : topics::all())
      kafka_.create_topic("oppen." + std::string(topic.name), topic.partitions == 1 ? 1 : 2);
    producer_ = *client::Producer::create(kafka_.settings(),
                                          {"alerts", "control", "telemetry", "dead-letter"});
    reader_ = *client::Consumer::create(kafka_.settings(), "");
    EXPECT_TRUE(reader_->assign({{{"alerts", 0}, client::Consumer::beginning}}));
    redis_client_ = runtime::Redis::create(redis_.url()).value();
  }

  void break_gpu(const std::string& uuid) {
    GpuSample sample;
    sample.node = "node-1";
    sample.gpu_uuid = uuid;
    sample.gpu_type = "A100";
    sample.sampled_at = clock_.now();
    sample.interval_seconds = 10;
    sample.xid = 79;
    CloudEvent event;
    event.id = uuid;
    event.source = "/test";
    event.type = GpuSample::type;
    event.time = clock_.now();
    ASSERT_TRUE(
        producer_->send_and_wait(topics::telemetry, encode(event, uuid, to_text(sample)), 20s));
  }
  std::pair<CloudEvent, Alert> next_alert() {
    while (const auto record = client::next_record(*reader_)) {
      const auto event = decode(record->record);
      if (event && event->type == Alert::type)
        return {*event, parse_data<Alert>(event->data).value()};
    }
    return {};
  }

  runtime::RedisServer redis_;
  client::MockKafka kafka_;
  std::unique_ptr<client::Producer> producer_;
  std::unique_ptr<client::Consumer> reader_;
  std::unique_ptr<runtime::Redis> redis_client_;
  SystemClock clock_;
  runtime::Metrics metrics_;
  runtime::Health health_;
};

TEST_F(WorkerTest, WhatCantBeReadIsSetAsideAndWhatCantBePublishedIsLeftOut) {
  Outbox outbox;
  for (const auto* const id : {"too-large", "small"}) {
    Said said;
    said.at = clock_.now();
    said.alert.alert_id = said.alert.fingerprint = id;
    said.alert.kind = "gpu_hot";
    said.alert.severity = "warning";
    said.alert.state = "firing";
    said.alert.started_at = said.at;
    if (id == std::string("too-large")) said.alert.summary = std::string(5'000'000, 'x');
    outbox.put(said);
  }
  std::vector<runtime::Cell> cells;
  outbox.take_changes(cells);
  cells.push_back({"gpu_heat", "gpu-1", R"({"node":"a","celsius":{"value":null},"on":false})"});
  cells.push_back({"episodes", "print", "{"});
  // A state is any bytes.
  LiveSeries series;
  for (int i = 0; i < 500; ++i) series.add(Time(10min * i), 1 + i % 7, worse_cost_rate);
  cells.push_back({"live_series", "cost_rate vision", save(series)});
  cells.push_back({"live_series", "cost_rate speech", save(series).substr(1)});
  {
    runtime::LeasedStore dead(*redis_client_, store_prefix("oppen."), "dead", 1min);
    ASSERT_TRUE(dead.hold().value());
    ASSERT_TRUE(dead.commit(cells));
    dead.release();
  }
  Worker worker(kafka_.settings(), redis_.url(), {clock_, metrics_, health_, *producer_});
  {
    const std::jthread watching([&](const std::stop_token& over) { worker.run(over); });
    EXPECT_EQ(next_alert().first.id, "small");
  }
  const auto prefix = store_prefix("oppen.");
  const auto broken = runtime::fields_of(*redis_client_, prefix + "broken").value();
  ASSERT_EQ(broken.size(), 3);
  EXPECT_EQ(broken.at("episodes print"), "{");
  EXPECT_TRUE(broken.contains("gpu_heat gpu-1"));
  EXPECT_TRUE(broken.contains("live_series cost_rate speech"));
  const auto kept = runtime::fields_of(*redis_client_, prefix + "live_series").value();
  ASSERT_TRUE(kept.contains("cost_rate vision"));
  EXPECT_EQ(kept.at("cost_rate vision"), save(series));
  EXPECT_TRUE(runtime::fields_of(*redis_client_, prefix + "gpu_heat").value().empty());
  EXPECT_TRUE(runtime::fields_of(*redis_client_, prefix + "outbox").value().empty());
  EXPECT_TRUE(read_alerts(*redis_client_, "oppen."));
}

TEST_F(WorkerTest, WhatIsNotValidIsSetAsideOnceThoughItIsReadAgain) {
  KafkaRecord garbage;
  garbage.key = "gpu-1";
  garbage.value = "{";
  ASSERT_TRUE(producer_->send_and_wait(topics::telemetry, garbage, 20s));
  const auto prefix = store_prefix("oppen.");
  const auto letters = [&] {
    return runtime::fields_of(*redis_client_, prefix + "letters").value();
  };
  const auto places = [&] { return runtime::fields_of(*redis_client_, prefix + "next").value(); };
  for (int i = 0; i < 2; ++i) {
    Worker worker(kafka_.settings(), redis_.url(), {clock_, metrics_, health_, *producer_});
    const std::jthread watching([&](const std::stop_token& over) { worker.run(over); });
    while (letters().size() != 1 || places().size() != 1) std::this_thread::sleep_for(10ms);
    // As if it had died before it had taken what it read.
    ASSERT_TRUE(redis_client_->command({"DEL", prefix + "next"}));
  }
  auto end = reader_->watermarks({"dead-letter", 0}, 20s);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->high, 1);
}

TEST_F(WorkerTest, WhatADeadOneHasStoredAndNotPublishedIsPublishedOnceAndForgotten) {
  Said said;
  said.at = clock_.now();
  said.alert.alert_id = "left-behind";
  said.alert.fingerprint = "print";
  said.alert.kind = "gpu_hot";
  said.alert.severity = "warning";
  said.alert.state = "firing";
  said.alert.started_at = said.at;
  Outbox outbox;
  outbox.put(said);
  std::vector<runtime::Cell> cells;
  outbox.take_changes(cells);
  ASSERT_EQ(cells.size(), 1);
  {
    runtime::LeasedStore dead(*redis_client_, store_prefix("oppen."), "dead", 1min);
    ASSERT_TRUE(dead.hold().value());
    ASSERT_TRUE(dead.commit(cells));
    dead.release();
  }
  Worker worker(kafka_.settings(), redis_.url(), {clock_, metrics_, health_, *producer_});
  {
    const std::jthread watching([&](const std::stop_token& over) { worker.run(over); });
    const auto [event, alert] = next_alert();
    EXPECT_EQ(event.id, "left-behind");
    EXPECT_EQ(event.source, "/oppen/anomaly");
    EXPECT_EQ(alert.kind, "gpu_hot");
  }
  const auto left = runtime::fields_of(*redis_client_, store_prefix("oppen.") + "outbox").value();
  EXPECT_TRUE(left.empty());
}

TEST_F(WorkerTest, TakesWhatIsOnTheBusAndOnlyOneStores) {
  break_gpu("gpu-1");
  Worker worker(kafka_.settings(), redis_.url(), {clock_, metrics_, health_, *producer_});
  const std::jthread watching([&](const std::stop_token& over) { worker.run(over); });
  const auto prefix = store_prefix("oppen.");
  // It is stored with the place behind it.
  const auto read = [&] {
    const auto places = runtime::fields_of(*redis_client_, prefix + "next").value();
    return places.contains("telemetry/0") || places.contains("telemetry/1");
  };
  while (!read()) std::this_thread::sleep_for(10ms);
  EXPECT_TRUE(
      runtime::fields_of(*redis_client_, prefix + "gpu_faults").value().contains("gpu-1 hardware"));
  EXPECT_TRUE(health_.ready()) << health_.readiness_json();

  runtime::LeasedStore other(*redis_client_, prefix, "other", 1min);
  EXPECT_FALSE(other.hold().value());
  const auto refused = other.commit({{"next", "telemetry/0", "0 0"}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::fenced);
  const auto view = read_alerts(*redis_client_, "oppen.");
  ASSERT_TRUE(view);
  EXPECT_TRUE(view->silences.empty());
}

TEST_F(WorkerTest, WhatIsBrokenInRedisIsNamed) {
  ASSERT_TRUE(redis_client_->command({"HSET", store_prefix("oppen.") + "episodes", "print", "{"}));
  const auto view = read_alerts(*redis_client_, "oppen.");
  ASSERT_FALSE(view);
  EXPECT_EQ(view.error().kind, ErrorKind::fatal);
  EXPECT_EQ(view.error().message, "print of episodes of the alerts in Redis is broken");
}

}  // namespace
}  // namespace oppen::anomaly
