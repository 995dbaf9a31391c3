#include "workers/cost/worker/worker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "schemas/topics.hpp"

namespace oppen::cost {
namespace {

using namespace std::chrono_literals;
using client::ConsumedRecord;
using client::TopicPartition;
using SteadyClock = std::chrono::steady_clock;

constexpr auto group = "oppen-cost";
// An interval is charged when it has been over for so long: an end or a change of rates that is on its way by then is not
// charged wrongly first and taken back after.
constexpr auto settling = 5s;
constexpr std::size_t most_records = 500;  // of a turn
constexpr std::size_t most_bytes = 2 << 20;
constexpr std::size_t most_charges = 1'000;
constexpr auto dead_letter_deadline = 5s;
constexpr auto pods_every = 5s;
constexpr auto commit_every = 1s;
constexpr auto pause_after_trouble = 1s;
constexpr auto closing_time = 5s;

TopicPartition events_of(int partition) { return {std::string(topics::job_events), partition}; }

PodCost pod_cost(const Attempt& attempt, const pricing::RateHistory& rates, Time now) {
  const auto& bearer = *attempt.bearer;
  return {bearer.pod,
          bearer.pod_namespace,
          bearer.model_type,
          bearer.workload_type,
          pricing::hourly(bearer.usage, now, rates.at(now)),
          attempt.charged.total};
}

}  // namespace

struct Worker::Impl {
  Impl(const WorkerParts& given, const client::KafkaSettings& kafka,
       std::unique_ptr<runtime::Redis> a_redis)
      : parts(given),
        redis(std::move(a_redis)),
        store(*redis, kafka.topic_prefix),
        publisher(given.producer),
        dead_letters(given.producer, given.metrics, "cost", kafka.topic_prefix),
        open_attempts(given.metrics.gauge("oppen_cost_open_attempts",
                                          "Attempts that run, or are not charged to their end")),
        lag(given.metrics.gauge("oppen_consumer_lag",
                                "Records of the topic that are not handled yet",
                                {{"topic", kafka.topic_prefix + std::string(topics::job_events)}})),
        corrections(given.metrics.counter("oppen_cost_corrections_total",
                                          "Charges that put right what had been charged before")),
        misplaced(given.metrics.counter(
            "oppen_misplaced_records_total",
            "Records that were in another partition than their key's, and were moved")) {}

  WorkerParts parts;
  std::unique_ptr<runtime::Redis> redis;
  LedgerStore store;
  Publisher publisher;
  runtime::DeadLetters dead_letters;
  pricing::RateHistory rates;
  std::unique_ptr<RatesReader> rates_reader;
  std::unique_ptr<Takeover> takeover;
  std::unique_ptr<client::GroupConsumer> consumer;
  runtime::Gauge& open_attempts;
  runtime::Gauge& lag;
  runtime::Counter& corrections;
  runtime::Counter& misplaced;

  std::map<int, std::unique_ptr<Partition>> partitions;  // that are taken over
  std::uint64_t taken_generation = 0;                    // of the group's assignments; 0: none
  int partition_count = 0;
  int first_charged = 0;  // the partition whose turn it is to be charged first
  SteadyClock::time_point next_commit{};
  SteadyClock::time_point next_pods{};
  std::optional<SteadyClock::time_point> closing;
  std::stop_token stop;

  // What is waited for goes on; for some seconds yet when the worker is to stop.
  bool go_on() {
    parts.health.beat();
    if (!stop.stop_requested()) return true;
    if (!closing) closing = SteadyClock::now() + closing_time;
    return SteadyClock::now() < *closing;
  }

  Status turn() {
    const auto changed = rates_reader->read();
    parts.health.set("kafka", changed.map([](bool) {}));
    if (!changed && changed.error().kind != ErrorKind::unavailable) return fail(changed.error());
    if (changed.value_or(false)) {
      for (auto& [number, partition] : partitions) partition->ledger.rates_changed();
    }
    if (rates_reader->caught_up() && consumer->generation() != taken_generation) {
      if (auto status = take_over(); !status) return status;
    }
    auto records = read();
    if (!records) return fail(records.error());
    if (auto status = handle(*records); !status) return status;
    if (auto status = charge(); !status) return status;
    tell();
    return {};
  }

  Status take_over() {
    const auto generation = consumer->generation();
    const auto still = [&] {
      // Nothing is read meanwhile; what comes is only of the group.
      static_cast<void>(consumer->poll(0ms));
      return go_on() && !stop.stop_requested() && consumer->generation() == generation;
    };
    const auto count = takeover->check();
    if (!count) return fail(count.error());
    partition_count = *count;
    std::map<TopicPartition, std::int64_t> places;
    const auto owned = consumer->owned();
    for (const auto& [topic, number] : owned) {
      auto partition = takeover->take(number, still);
      if (!partition) return fail(partition.error());
      if (consumer->generation() != generation)
        return fail(ErrorKind::unavailable, "the group has begun to rebalance");
      places[events_of(number)] = (*partition)->next;
      partitions[number] = std::move(*partition);
    }
    parts.health.set("redis", {});
    taken_generation = generation;
    if (places.empty()) return {};  // more instances than partitions, or between two assignments
    spdlog::info("{} partitions taken over", places.size());
    return consumer->start(places);
  }

  // Some records, of the partitions that are owned now.
  Result<std::vector<ConsumedRecord>> read() {
    std::vector<ConsumedRecord> records;
    std::size_t bytes = 0;
    for (auto patience = 100ms; records.size() < most_records && bytes < most_bytes;) {
      auto polled = consumer->poll(patience);
      if (!polled) {
        parts.health.set("kafka", fail(polled.error()));
        // While Kafka is away, what has been read is still good.
        if (polled.error().kind == ErrorKind::unavailable) break;
        return fail(polled.error());
      }
      if (!*polled) break;
      bytes += (*polled)->record.value.value_or("").size();
      records.push_back(std::move(**polled));
      patience = 0ms;
    }
    // Taken away in between: they will be read by who owns them.
    if (consumer->generation() != taken_generation) records.clear();
    return records;
  }

  Status handle(std::vector<ConsumedRecord>& records) {
    std::map<int, std::vector<Fact>> facts;
    for (const auto& record : records) {
      const auto found = partitions.find(record.partition);
      if (found == partitions.end() || record.offset < found->second->next) continue;
      auto fact = look_at(record);
      if (!fact) return fail(fact.error());
      if (*fact) facts[record.partition].push_back(std::move(**fact));
      found->second->next = record.offset + 1;
      found->second->told = std::max(found->second->told, record.timestamp);
      found->second->moved = true;
    }
    for (auto& [number, some] : facts) {
      auto& ledger = partitions.at(number)->ledger;
      std::vector<std::string> ids;
      for (const auto& fact : some) ids.push_back(fact.job_id);
      if (auto status = load_settled(store, ledger, std::move(ids)); !status) return status;
      for (const auto& fact : some) ledger.apply(fact);
    }
    return {};
  }

  // What a record says of cost. What can't be read is on the dead letter's topic by then, what lies in the wrong place is in
  // the right one.
  Result<std::optional<Fact>> look_at(const ConsumedRecord& record) {
    const auto event = decode(record.record);
    auto fact = event ? read_fact(*event, record.timestamp)
                      : Result<std::optional<Fact>>(fail(event.error()));
    if (fact && *fact && (*fact)->job_id != record.record.key) {
      fact = fail(ErrorKind::invalid, "the record's key is not its job_id, " + (*fact)->job_id);
    }
    if (!fact) {
      spdlog::warn("job-events/{} offset {} is set aside: {}", record.partition, record.offset,
                   fact.error().message);
      if (auto put = dead_letters.put(record, fact.error().message, dead_letter_deadline); !put)
        return fail(put.error());
      auto over = event ? over_fact(*event, record.timestamp) : std::nullopt;
      if (over && over->job_id != record.record.key) over.reset();
      return over;
    }
    if (*fact && partition_of(record.record.key, partition_count) != record.partition) {
      const auto sent =
          parts.producer.send_and_wait(topics::job_events, record.record, dead_letter_deadline);
      if (!sent) return fail(sent.error());
      misplaced.add();
      return std::nullopt;
    }
    return fact;
  }

  // Up to when a partition can be charged. Behind the end of the log only up to where it has been read: the end of what began there
  // may stand further on, and would take back all that was charged until now.
  Time horizon(int number, const Partition& partition, Time now) const {
    const auto end = consumer->log_end(events_of(number));
    const bool read_whole = end && partition.next >= *end;
    return (read_whole ? now : std::min(now, partition.told)) - settling;
  }

  // Charges what is due, stores it together with what the records have changed, and publishes it.
  Status charge() {
    const Time now = parts.clock.now();
    std::size_t room = most_charges;
    std::vector<std::pair<int, std::vector<Charge>>> stored;
    std::vector<int> order;
    for (const auto& [number, partition] : partitions) order.push_back(number);
    const auto first = std::find_if(order.begin(), order.end(),
                                    [&](int number) { return number >= first_charged; });
    std::rotate(order.begin(), first, order.end());
    for (const int number : order) {
      auto& partition = *partitions.at(number);
      auto charges = room > 0 ? partition.ledger.charge(horizon(number, partition, now), room)
                              : std::vector<Charge>();
      room -= std::min(room, charges.size());
      if (room == 0) first_charged = number + 1;
      const auto settled = [&](const std::string&, const Job& job) {
        const auto& last = job.attempts.rbegin()->second;
        if (last.bearer) parts.cost_metrics.ended(pod_cost(last, rates, now), now);
      };
      if (auto status = store_changes(store, partition, charges, settled); !status) return status;
      if (!charges.empty()) stored.emplace_back(number, std::move(charges));
    }
    std::vector<std::pair<int, const Charge*>> all;
    for (const auto& [number, charges] : stored) {
      for (const auto& charge : charges) {
        all.emplace_back(number, &charge);
        parts.cost_metrics.count(charge.event);
        if (charge.event.correction) corrections.add();
      }
    }
    if (all.empty()) return {};
    const auto published = publisher.publish(all, [this] { return go_on(); });
    if (!published) return fail(published.error());
    for (const auto& [number, end] : *published) {
      if (const auto found = partitions.find(number); found != partitions.end())
        found->second->costs = end;
    }
    return {};
  }

  // Tells the group how far it is, and Prometheus what runs.
  void tell() {
    const auto now = SteadyClock::now();
    if (now >= next_commit) {
      next_commit = now + commit_every;
      std::map<TopicPartition, std::int64_t> places;
      std::int64_t behind = 0;
      for (const auto& [number, partition] : partitions) {
        places[events_of(number)] = partition->next;
        const auto end = consumer->log_end(events_of(number));
        if (end) behind += std::max<std::int64_t>(*end - partition->next, 0);
      }
      if (!places.empty()) consumer->commit_info(places);
      lag.set(static_cast<double>(behind));
    }
    if (now < next_pods) return;
    next_pods = now + pods_every;
    const Time at = parts.clock.now();
    std::vector<PodCost> pods;
    std::size_t open = 0;
    for (const auto& [number, partition] : partitions) {
      for (const auto& [id, job] : partition->ledger.jobs()) {
        for (const auto& [attempt_number, attempt] : job.attempts) {
          if (attempt.final || !attempt.bearer) continue;
          ++open;
          if (!job.end_of(attempt_number)) pods.push_back(pod_cost(attempt, rates, at));
        }
      }
    }
    open_attempts.set(static_cast<double>(open));
    parts.cost_metrics.running(pods, at);
  }

  // The group takes everything back. What is published needs not be published again.
  void revoked(bool lost) {
    if (!lost) {
      for (auto& [number, partition] : partitions) {
        if (!store_changes(store, *partition, {})) break;
      }
    }
    partitions.clear();
    taken_generation = 0;
  }

  // Nothing in memory counted any more: everything is taken over anew.
  void begin_again() {
    taken_generation = 0;
    parts.health.set("redis", redis->command({"PING"}).map([](const auto&) {}));
    if (!consumer->owned().empty()) static_cast<void>(consumer->hold());
  }

  Status run() {
    runtime::Recurring trouble;
    while (!stop.stop_requested()) {
      parts.health.beat();
      const auto status = turn();
      if (status) {
        if (taken_generation != 0 && trouble.end()) spdlog::info("it goes on");
        continue;
      }
      // A turn that was not finished has changed what must not be stored.
      partitions.clear();
      if (stop.stop_requested()) break;
      if (status.error().kind == ErrorKind::fatal) return status;
      if (trouble.begin_or_due()) spdlog::warn("beginning again: {}", status.error().message);
      begin_again();
      // The group is listened to meanwhile: it may have given to others what was ours.
      const auto until = SteadyClock::now() + pause_after_trouble;
      while (!stop.stop_requested() && SteadyClock::now() < until) {
        parts.health.beat();
        static_cast<void>(consumer->poll(100ms));
      }
    }
    revoked(false);
    return {};
  }
};

Worker::Worker(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Worker::~Worker() = default;

Result<std::unique_ptr<Worker>> Worker::create(const client::KafkaSettings& kafka,
                                               const std::string& redis_url,
                                               const WorkerParts& parts) {
  auto redis = runtime::Redis::create(redis_url);
  if (!redis) return fail(redis.error());
  auto impl = std::make_unique<Impl>(parts, kafka, std::move(*redis));
  auto rates_reader = RatesReader::create(kafka, impl->rates, impl->store, parts.metrics);
  if (!rates_reader) return fail(rates_reader.error());
  impl->rates_reader = std::move(*rates_reader);
  auto takeover = Takeover::create(kafka, impl->store, impl->publisher, impl->rates);
  if (!takeover) return fail(takeover.error());
  impl->takeover = std::move(*takeover);
  auto consumer = client::GroupConsumer::create(kafka, group, {std::string(topics::job_events)});
  if (!consumer) return fail(consumer.error());
  impl->consumer = std::move(*consumer);
  impl->consumer->on_revoked = [raw = impl.get()](bool lost) { raw->revoked(lost); };
  parts.health.set("kafka", fail(ErrorKind::unavailable, "not connected yet"));
  parts.health.set("redis", fail(ErrorKind::unavailable, "not connected yet"));
  return std::unique_ptr<Worker>(new Worker(std::move(impl)));
}

Status Worker::run(const std::stop_token& stop) {
  impl_->stop = stop;
  return impl_->run();
}

}  // namespace oppen::cost
