#include "producers/mlflow/kafka_runs.hpp"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "producers/client/read_topic.hpp"
#include "schemas/topics.hpp"

namespace oppen::mlflow {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto slice = 500ms;  // between two beats
constexpr auto broker_deadline = 5s;
constexpr auto acknowledged_within = 30s;  // of a page of runs

Error stopping() { return {ErrorKind::unavailable, "the bridge is stopping"}; }

// Shared with the producer's thread, which may still bring answers when nobody waits for them any more.
struct Answers {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::optional<Status>> of;  // by the record's place; nullopt: none yet
  std::size_t open = 0;
};

}  // namespace

Result<std::unique_ptr<KafkaRuns>> KafkaRuns::create(const client::KafkaSettings& settings,
                                                     runtime::Health& health,
                                                     std::stop_token stop) {
  std::unique_ptr<KafkaRuns> runs(new KafkaRuns(settings, health, std::move(stop)));
  // The producer gives up on no record: what it has taken is kept or on its way, and is never published a second time.
  auto producer_settings = settings;
  producer_settings.properties["message.timeout.ms"] = "0";
  auto producer = client::Producer::create(producer_settings, {std::string(topics::runs)});
  if (!producer) return fail(producer.error());
  runs->producer_ = std::move(*producer);
  return runs;
}

Status KafkaRuns::reachable() {
  const auto give_up_at = Clock::now() + broker_deadline;
  while (!producer_->connected()) {
    if (stop_.stop_requested()) return fail(stopping());
    if (Clock::now() >= give_up_at) {
      return fail(ErrorKind::unavailable,
                  "Kafka does not answer: are the brokers of OPPEN_KAFKA_BROKERS up?");
    }
    std::this_thread::sleep_for(50ms);
  }
  return {};
}

// Returns when the fate of all that the producer has taken is known.
Status KafkaRuns::settle() {
  const auto give_up_at = Clock::now() + acknowledged_within;
  for (;;) {
    health_.beat();
    auto flushed = producer_->flush(slice);
    if (flushed) return {};
    if (stop_.stop_requested()) return fail(stopping());
    if (Clock::now() >= give_up_at) return flushed;
  }
}

Status KafkaRuns::read_back(const std::function<void(const KafkaRecord&)>& take) {
  if (auto settled = settle(); !settled) return settled;
  return client::read_topic(
      settings_, topics::runs,
      [&take](const client::ConsumedRecord& record) { take(record.record); },
      [this] {
        health_.beat();
        return !stop_.stop_requested();
      });
}

Result<std::vector<Status>> KafkaRuns::publish(const std::vector<KafkaRecord>& records) {
  const auto answers = std::make_shared<Answers>();
  answers->of.resize(records.size());
  answers->open = records.size();
  for (std::size_t i = 0; i < records.size(); ++i) {
    const auto answer = [answers, i](const Status& status) {
      const std::lock_guard lock(answers->mutex);
      answers->of[i] = status;
      --answers->open;
      answers->changed.notify_all();
    };
    const auto sent = producer_->send(topics::runs, records[i],
                                      [answer](const Result<client::Delivery>& delivery) {
                                        answer(delivery.map([](const client::Delivery&) {}));
                                      });
    if (!sent) answer(sent);
  }
  std::unique_lock lock(answers->mutex);
  const auto give_up_at = Clock::now() + acknowledged_within;
  while (!answers->changed.wait_for(lock, slice, [&] { return answers->open == 0; })) {
    health_.beat();
    if (stop_.stop_requested()) return fail(stopping());
    if (Clock::now() >= give_up_at) {
      return fail(
          ErrorKind::unavailable,
          "Kafka has not acknowledged within 30 s: are the brokers of OPPEN_KAFKA_BROKERS up?");
    }
  }
  std::vector<Status> statuses;
  for (auto& status : answers->of) {
    if (!*status && status->error().kind != ErrorKind::invalid) return fail(status->error());
    statuses.push_back(std::move(*status));
  }
  return statuses;
}

}  // namespace oppen::mlflow
