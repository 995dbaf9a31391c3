#include "producers/mlflow/kafka_runs.hpp"

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "schemas/topics.hpp"

namespace oppen::mlflow {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto slice = 500ms;              // between two beats
constexpr auto broker_deadline = 5s;       // of one question
constexpr auto acknowledged_within = 30s;  // of a page of runs
constexpr auto silence = 10s;

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
  // What is deleted while it is read, is passed over.
  runs->settings_.properties["auto.offset.reset"] = "earliest";
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
  const auto made = client::Consumer::create(settings_, "");
  if (!made) return fail(made.error());
  auto& consumer = **made;
  const auto count = consumer.partition_count(topics::runs, broker_deadline);
  if (!count) return fail(count.error());
  std::map<client::TopicPartition, std::int64_t> from;
  std::map<client::TopicPartition, std::int64_t> ends;  // of what is not read yet
  for (int number = 0; number < *count; ++number) {
    health_.beat();
    if (stop_.stop_requested()) return fail(stopping());
    const client::TopicPartition partition{std::string(topics::runs), number};
    const auto marks = consumer.watermarks(partition, broker_deadline);
    if (!marks) return fail(marks.error());
    if (marks->low >= marks->high) continue;
    from[partition] = marks->low;
    ends[partition] = marks->high;
  }
  if (ends.empty()) return {};
  if (auto assigned = consumer.assign(from); !assigned) return assigned;
  auto last_record = Clock::now();
  while (!ends.empty()) {
    health_.beat();
    if (stop_.stop_requested()) return fail(stopping());
    const auto polled = consumer.poll(slice);
    if (!polled) return fail(polled.error());
    if (*polled) {
      last_record = Clock::now();
      take((*polled)->record);
      const auto end = ends.find({(*polled)->topic, (*polled)->partition});
      if (end != ends.end() && (*polled)->offset + 1 >= end->second) ends.erase(end);
      continue;
    }
    if (Clock::now() - last_record < silence) continue;
    // The last offsets may hold what is no record: the marks of somebody's transactions. Nothing else is left when the broker answers
    // and has sent nothing for so long.
    if (const auto marks = consumer.watermarks(ends.begin()->first, broker_deadline); !marks)
      return fail(marks.error());
    return {};
  }
  return {};
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
