#include "bench/support/bare_relay.hpp"

#include <mutex>
#include <thread>

#include "bench/support/must.hpp"
#include "schemas/topics.hpp"
#include "workers/runtime/redis.hpp"

namespace oppen::bench {
namespace {

using namespace std::chrono_literals;
using client::Consumer;
using client::TopicPartition;

constexpr auto relaying = "measuring the bare relay";
const TopicPartition there{std::string(topics::recommendations), 0};
const TopicPartition back{std::string(topics::telemetry), 0};

// As a commit does: checks who leads, writes a record, moves an offset, appends an event.
const runtime::RedisScript& relay_script() {
  static const runtime::RedisScript script(
      "if redis.call('HGET', KEYS[1], 'epoch') == 'none' then return redis.error_reply('fenced') "
      "end "
      "redis.call('SET', KEYS[2], ARGV[1]) "
      "redis.call('HINCRBY', KEYS[1], 'next', 1) "
      "return redis.call('XADD', KEYS[3], 'MAXLEN', '~', 100, '*', 'e', ARGV[1])");
  return script;
}

std::unique_ptr<Consumer> consumer_at_end(const client::KafkaSettings& kafka,
                                          const TopicPartition& partition) {
  auto consumer = must(Consumer::create(kafka, ""), relaying);
  const auto marks = must(consumer->watermarks(partition, 10s), relaying);
  must(consumer->assign({{partition, marks.high}}), relaying);
  return consumer;
}

}  // namespace

struct BareRelay::Impl {
  std::unique_ptr<client::Producer> producer;
  std::unique_ptr<client::Producer> answering;
  std::unique_ptr<Consumer> forward;
  std::unique_ptr<Consumer> answers;
  std::unique_ptr<runtime::Redis> redis;
  KafkaRecord record;
  std::mutex mutex;
  SteadyClock::time_point published;
  Samples acknowledged, consumed, script, acknowledged_to_answer;
  std::jthread relay;

  void run(const std::stop_token& stop) {
    const runtime::Redis::Args keys{"{bench.relay}:meta", "{bench.relay}:job",
                                    "{bench.relay}:outbox"};
    while (!stop.stop_requested()) {
      const auto got = must(forward->poll(500ms), relaying);
      if (!got) continue;
      const auto seen = SteadyClock::now();
      must(redis->eval(relay_script(), keys, {*got->record.value}), relaying);
      const auto stored = SteadyClock::now();
      {
        const std::lock_guard lock(mutex);
        consumed.add(seen - published);
        script.add(stored - seen);
      }
      must(answering->send(
               back.topic, got->record, [](const auto&) {}, back.partition),
           relaying);
    }
  }
};

BareRelay::BareRelay(const client::KafkaSettings& kafka, const std::string& redis_url,
                     std::string value)
    : impl_(std::make_unique<Impl>()) {
  impl_->producer = must(client::Producer::create(kafka, {there.topic}), relaying);
  impl_->answering = must(client::Producer::create(kafka, {back.topic}), relaying);
  impl_->forward = consumer_at_end(kafka, there);
  impl_->answers = consumer_at_end(kafka, back);
  impl_->redis = must(runtime::Redis::create(redis_url), relaying);
  impl_->record = {"bench", std::move(value), {{"content-type", "application/json"}}};
  impl_->relay =
      std::jthread([impl = impl_.get()](const std::stop_token& stop) { impl->run(stop); });
}

BareRelay::~BareRelay() {
  impl_->relay.request_stop();
  impl_->forward->wake();
  impl_->relay.join();
}

void BareRelay::step() {
  const auto begin = SteadyClock::now();
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->published = begin;
  }
  must(impl_->producer->send_and_wait(there.topic, impl_->record, 10s, there.partition), relaying);
  const auto acknowledged = SteadyClock::now();
  const auto deadline = acknowledged + 10s;
  while (!must(impl_->answers->poll(500ms), relaying)) {
    if (SteadyClock::now() > deadline) give_up(relaying, "no answer within 10 s");
  }
  impl_->acknowledged.add(acknowledged - begin);
  impl_->acknowledged_to_answer.add(SteadyClock::now() - acknowledged);
}

void BareRelay::warm_up(int steps) {
  for (int i = 0; i < steps; ++i) step();
  reset();
}

void BareRelay::reset() {
  const std::lock_guard lock(impl_->mutex);
  for (auto* samples :
       {&impl_->acknowledged, &impl_->consumed, &impl_->script, &impl_->acknowledged_to_answer}) {
    *samples = Samples();
  }
}

// Read between steps, when the relay is at rest.
const Samples& BareRelay::acknowledged() const { return impl_->acknowledged; }
const Samples& BareRelay::consumed() const { return impl_->consumed; }
const Samples& BareRelay::script() const { return impl_->script; }
const Samples& BareRelay::acknowledged_to_answer() const { return impl_->acknowledged_to_answer; }

}  // namespace oppen::bench
