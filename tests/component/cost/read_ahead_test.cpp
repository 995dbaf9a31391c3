// What is read ahead says the same as what is read one by one, in its order, and nothing of it outlives what is owned.
#include "workers/cost/worker/read_ahead.hpp"

#include <gtest/gtest.h>

#include <map>

#include "schemas/topics.hpp"
#include "tests/component/kafka/mock_kafka.hpp"
#include "tests/unit/cost_usage/samples.hpp"
#include "workers/cost/usage/seen.hpp"

namespace oppen::cost {
namespace {

using namespace std::chrono_literals;
using client::TopicPartition;

constexpr int partitions = 2;
constexpr int count = 2'000;  // of samples
constexpr int ready = 1'000;  // samples between events of jobs

std::string job_of_sample(int number) { return "job-" + std::to_string(number % 50); }

KafkaRecord record_numbered(int number) {
  auto sample = test::gpu_sample();
  sample.job_id = job_of_sample(number);
  sample.attempt = 1 + number;  // tells them apart
  auto record = test::record_of(sample);
  record.key = sample.job_id;
  if (number % 10 == 1) record.value = "{";
  if (number % 10 == 2) record.key = "another";  // it is some partition's
  if (number % 10 == 3) record.headers = {{"content-type", "text/plain"}};
  if (number % 10 == 4) {
    auto pod = test::pod_sample();
    pod.job_id = sample.job_id;
    record = test::record_of(pod);
    record.key = sample.job_id;
  }
  if (number % 10 == 5) {  // as a document alone: what the fast way leaves to the schema
    auto event = decode(record).value();
    nlohmann::json text = {{"specversion", "1.0"},
                           {"id", event.id},
                           {"source", event.source},
                           {"type", event.type},
                           {"data", event.data}};
    record.headers = {{"content-type", "application/cloudevents+json"}};
    record.value = text.dump();
  }
  return record;
}

class ReadAheadTest : public testing::Test {
 protected:
  ReadAheadTest() {
    kafka_.create_topic("oppen.telemetry", partitions);
    kafka_.create_topic("oppen.job-events", partitions);
    const auto producer =
        client::Producer::create(kafka_.settings(), {"telemetry", "job-events"}).value();
    for (int number = 0; number < count; ++number) {
      const int partition = partition_of(job_of_sample(number), partitions);
      published_[partition].push_back(record_numbered(number));
      EXPECT_TRUE(producer->send(
          topics::telemetry, published_[partition].back(), [](const auto&) {}, partition));
      if (number % ready == 0) {
        EXPECT_TRUE(producer->send(
            topics::job_events, {"key", std::to_string(number), {{"name", "value"}}},
            [](const auto&) {}, 0));
      }
    }
    EXPECT_TRUE(producer->flush(60s));
    consumer_ = client::GroupConsumer::create(
                    kafka_.settings(), "test",
                    {std::string(topics::telemetry), std::string(topics::job_events)})
                    .value();
    const auto give_up_at = std::chrono::steady_clock::now() + 60s;
    while (consumer_->owned().size() < 2 * partitions &&
           std::chrono::steady_clock::now() < give_up_at)
      static_cast<void>(consumer_->listen(20ms));
  }

  void start(std::int64_t offset) {
    std::map<TopicPartition, std::int64_t> places;
    for (const auto& at : consumer_->owned())
      places[at] = at.topic == topics::telemetry ? offset : 0;
    ASSERT_TRUE(consumer_->start(places));
  }

  // As if it were read one by one.
  void expect_said(const Sampled& sample, const KafkaRecord& record, Time recorded_at) {
    SCOPED_TRACE(record.value.value_or(""));
    const auto reading = reader_.read(record, recorded_at);
    EXPECT_EQ(sample.wrong, reading ? "" : reading.error().message);
    ASSERT_EQ(sample.reading.has_value(), reading && *reading);
    if (!sample.reading) return;
    EXPECT_EQ(sample.misplaced, partition_of(record.key, partitions) != sample.partition);
    ASSERT_EQ(sample.reading->index(), (*reading)->index());
    std::visit(
        [&](const auto& one) {
          const auto& same = std::get<std::decay_t<decltype(one)>>(**reading);
          EXPECT_EQ(one.job_id, same.job_id);
          EXPECT_EQ(one.attempt, same.attempt);
          EXPECT_EQ(one.device, same.device);
          EXPECT_EQ(one.sampled_at, same.sampled_at);
          EXPECT_EQ(one.interval_ms, same.interval_ms);
        },
        *sample.reading);
  }

  client::MockKafka kafka_;
  std::map<int, std::vector<KafkaRecord>> published_;
  std::unique_ptr<client::GroupConsumer> consumer_;
  SampleReader reader_;
};

TEST_F(ReadAheadTest, SaysWhatTheReaderSaysInOrder) {
  ReadAhead ahead(*consumer_);
  EXPECT_EQ(ahead.take(), nullptr);
  constexpr std::int64_t left_alone = 10;  // its value is good
  for (const std::int64_t begin : {0, 300}) {
    start(begin);
    std::map<int, std::int64_t> next;
    for (int i = 0; i < partitions; ++i) next[i] = begin;
    std::vector<std::string> events;
    std::vector<HeaderView> headers;
    const auto give_up_at = std::chrono::steady_clock::now() + 60s;
    const auto some_missing = [&] {
      if (begin > 0) return next[0] < 400 || next[1] < 400;  // and much is still under way
      return events.size() < count / ready || next[0] + next[1] < count;
    };
    while (some_missing()) {
      ASSERT_LT(std::chrono::steady_clock::now(), give_up_at) << next[0] << ' ' << next[1];
      while (auto* const polled = ahead.poll(false, partitions).value()) {
        for (auto& sample : polled->samples) sample.sets_aside = sample.offset == left_alone;
        ahead.parse();
      }
      auto* const records = ahead.take();
      if (records == nullptr) continue;
      for (const auto place : records->others) {
        const auto view = records->batch.view(place, headers);
        EXPECT_EQ(view.topic, topics::job_events);
        ASSERT_EQ(view.record.headers.size(), 1U);
        events.emplace_back(view.record.value);
      }
      for (const auto& sample : records->samples) {
        ASSERT_EQ(sample.offset, next[sample.partition]++);
        const auto view = records->batch.view(sample.place, headers);
        ASSERT_EQ(view.offset, sample.offset);
        const auto& record =
            published_.at(sample.partition).at(static_cast<std::size_t>(sample.offset));
        EXPECT_EQ(copy_of(view).record.headers, record.headers);
        ASSERT_EQ(sample.sets_aside, sample.offset == left_alone);
        if (sample.sets_aside) {
          EXPECT_FALSE(sample.reading);
        } else {
          expect_said(sample, record, view.timestamp);
        }
      }
    }
    if (begin == 0) {
      EXPECT_EQ(events, (std::vector<std::string>{"0", "1000"}));
    }
    ahead.drop();
    EXPECT_EQ(ahead.take(), nullptr);
  }
}

TEST_F(ReadAheadTest, TakesOneAtATimeWhereItIsCareful) {
  ReadAhead ahead(*consumer_);
  start(0);
  std::size_t taken = 0;
  const auto give_up_at = std::chrono::steady_clock::now() + 60s;
  const auto poll = [&] {
    Records* polled = nullptr;
    while (polled == nullptr && std::chrono::steady_clock::now() < give_up_at)
      polled = ahead.poll(true, partitions).value();
    return polled;
  };
  for (int i = 0; i < 20; ++i) {
    ASSERT_NE(poll(), nullptr);
    ahead.parse();
    EXPECT_EQ(ahead.poll(true, partitions).value(), nullptr) << "the first is not done with";
    const auto* const records = ahead.take();
    ASSERT_NE(records, nullptr);
    EXPECT_EQ(records->batch.size(), 1U);
    taken += records->samples.size() + records->others.size();
  }
  EXPECT_EQ(taken, 20U);
  ASSERT_NE(poll(), nullptr);
  EXPECT_EQ(ahead.take(), nullptr) << "it was not to be parsed";
}

// Who owns it next reads it from where it was stored.
TEST_F(ReadAheadTest, DropsAllWhenTheGroupTakesBack) {
  ReadAhead ahead(*consumer_);
  start(0);
  const auto give_up_at = std::chrono::steady_clock::now() + 60s;
  const auto read = [&] {
    while (ahead.poll(false, partitions).value() != nullptr) ahead.parse();
  };
  while (ahead.take() == nullptr && std::chrono::steady_clock::now() < give_up_at) read();
  const auto generation = consumer_->generation();
  std::unique_ptr<client::GroupConsumer> other =
      client::GroupConsumer::create(
          kafka_.settings(), "test",
          {std::string(topics::telemetry), std::string(topics::job_events)})
          .value();
  while (consumer_->generation() == generation && std::chrono::steady_clock::now() < give_up_at) {
    read();
    static_cast<void>(other->listen(0ms));
    if (consumer_->generation() == generation) ahead.take();
  }
  EXPECT_NE(consumer_->generation(), generation);
  EXPECT_EQ(ahead.take(), nullptr);
}

}  // namespace
}  // namespace oppen::cost
