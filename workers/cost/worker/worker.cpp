#include "workers/cost/worker/worker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

#include "schemas/topics.hpp"
#include "workers/cost/worker/advisor.hpp"
#include "workers/cost/worker/present.hpp"
#include "workers/cost/worker/read_ahead.hpp"

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
constexpr std::size_t most_charges = 1'000;
constexpr auto dead_letter_deadline = 5s;
constexpr auto pods_every = 5s;
constexpr auto commit_every = 1s;
constexpr auto pause_after_trouble = 1s;
constexpr auto closing_time = 5s;
constexpr auto crashing =
    "several instances have begun this record and none has finished it: it seems to crash them";

TopicPartition events_of(int partition) { return {std::string(topics::job_events), partition}; }
TopicPartition runs_of(int partition) { return {std::string(topics::runs), partition}; }
TopicPartition telemetry_of(int partition) { return {std::string(topics::telemetry), partition}; }

// What a record says, if anything.
using Said = std::variant<std::monostate, Fact, Report>;

const std::string& job_of(const Said& said) {
  static const std::string none;
  if (const auto* fact = std::get_if<Fact>(&said)) return fact->job_id;
  if (const auto* report = std::get_if<Report>(&said)) return report->job_id;
  return none;
}

template <class T>
Result<Said> said(Result<std::optional<T>> read) {
  if (!read) return fail(read.error());
  return *read ? Said(std::move(**read)) : Said();
}

PodCost pod_cost(const Attempt& attempt, const pricing::RateHistory& rates, Time now) {
  const auto& bearer = *attempt.bearer;
  return {bearer.pod,
          bearer.pod_namespace,
          bearer.model_type,
          bearer.workload_type,
          pricing::hourly(bearer.usage, now, rates.at(now)),
          attempt.charged.total,
          true};
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
        advisor(given.producer, store, *redis, kafka.topic_prefix, rates, given.metrics),
        open_attempts(given.metrics.gauge("oppen_cost_open_attempts",
                                          "Attempts that run, or are not charged to their end")),
        present(given.clock, [this] { return store.time(); }),
        events_lag(lag_of(given, kafka, topics::job_events)),
        runs_lag(lag_of(given, kafka, topics::runs)),
        telemetry_lag(lag_of(given, kafka, topics::telemetry)),
        corrections(given.metrics.counter("oppen_cost_corrections_total",
                                          "Charges that put right what had been charged before")),
        misplaced(given.metrics.counter(
            "oppen_misplaced_records_total",
            "Records that were in another partition than their key's, and were moved")) {}

  static runtime::Gauge& lag_of(const WorkerParts& given, const client::KafkaSettings& kafka,
                                std::string_view topic) {
    return given.metrics.gauge("oppen_consumer_lag",
                               "Records of the topic that are not handled yet",
                               {{"topic", kafka.topic_prefix + std::string(topic)}});
  }

  WorkerParts parts;
  std::unique_ptr<runtime::Redis> redis;
  LedgerStore store;
  Publisher publisher;
  runtime::DeadLetters dead_letters;
  pricing::RateHistory rates;
  Advisor advisor;
  std::unique_ptr<RatesReader> rates_reader;
  std::unique_ptr<Takeover> takeover;
  std::unique_ptr<client::GroupConsumer> consumer;
  std::optional<ReadAhead> ahead;  // of the consumer
  std::vector<HeaderView> headers;
  runtime::Gauge& open_attempts;
  Present present;
  runtime::Gauge& events_lag;
  runtime::Gauge& runs_lag;
  runtime::Gauge& telemetry_lag;
  runtime::Counter& corrections;
  runtime::Counter& misplaced;

  std::map<int, std::unique_ptr<Partition>> partitions;  // that are taken over
  std::uint64_t taken_generation = 0;                    // of the group's assignments; 0: none
  bool checked = false;  // that Redis holds this Kafka's ledger, in this form: it may be written to
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
    if (!checked) {
      if (auto status = check(); !status) return status;
    }
    const auto changed = rates_reader->read();
    parts.health.set("kafka", changed.map([](bool) {}));
    if (!changed && changed.error().kind != ErrorKind::unavailable) return fail(changed.error());
    if (changed.value_or(false)) {
      for (auto& [number, partition] : partitions) partition->ledger.rates_changed();
    }
    if (auto status = rates_reader->remember(); !status) return status;
    if (rates_reader->caught_up() && consumer->generation() != taken_generation) {
      if (auto status = take_over(); !status) return status;
    }
    auto records = read();
    if (!records) return fail(records.error());
    if (auto status = handle(*records); !status) return status;
    if (auto status = charge(); !status) return status;
    if (auto status = advise(); !status) return status;
    tell();
    return {};
  }

  // Before anything is written, the policies that reading the rates stores and forgets included.
  Status check() {
    const auto count = takeover->check();
    checked = count.has_value();
    if (checked) return {};
    // Unless it is Redis that is missed, which begin_again tells.
    if (redis->command({"PING"})) parts.health.set("kafka", fail(count.error()));
    return fail(count.error());
  }

  Status take_over() {
    const auto generation = consumer->generation();
    const auto still = [&] {
      // Nothing is read meanwhile; what comes is only of the group.
      static_cast<void>(consumer->listen(0ms));
      return go_on() && !stop.stop_requested() && consumer->generation() == generation;
    };
    const auto count = takeover->check();
    if (!count) return fail(count.error());
    partition_count = *count;
    rates_reader->remember_again();
    if (auto status = rates_reader->remember(); !status) return status;
    ahead->drop();  // what is read from here on begins at other places
    std::map<TopicPartition, std::int64_t> places;
    const auto owned = consumer->owned();
    for (const auto& [topic, number] : owned) {
      if (topic != topics::job_events) continue;
      // The group gives the same numbers of both to a member, unless one of its members reads only one of them.
      if (!owned.contains(runs_of(number)) || !owned.contains(telemetry_of(number)))
        return fail(ErrorKind::unavailable,
                    "the group has given job-events/" + std::to_string(number) +
                        " without runs and telemetry: an instance of another version");
      auto partition = takeover->take(number, still);
      if (!partition) return fail(partition.error());
      if (consumer->generation() != generation)
        return fail(ErrorKind::unavailable, "the group has begun to rebalance");
      places[events_of(number)] = (*partition)->next;
      places[runs_of(number)] = (*partition)->runs;
      places[telemetry_of(number)] = (*partition)->measuring.next;
      partitions[number] = std::move(*partition);
    }
    parts.health.set("redis", {});
    taken_generation = generation;
    if (places.empty()) return {};  // more instances than partitions, or between two assignments
    spdlog::info("{} partitions taken over", partitions.size());
    return consumer->start(places);
  }

  // Some records, of the partitions that are owned now. Samples, which are by far the most, are measured; what else there is comes back.
  Result<std::vector<ConsumedRecord>> read() {
    // It is of what had been taken over before.
    if (consumer->generation() != taken_generation) ahead->drop();
    for (const bool one_by_one = careful();;) {
      const auto polled = ahead->poll(one_by_one, partition_count);
      if (!polled) {
        parts.health.set("kafka", fail(polled.error()));
        // While Kafka is away, what has been read is still good.
        if (polled.error().kind == ErrorKind::unavailable) break;
        return fail(polled.error());
      }
      // What was taken away in between will be read by who owns it.
      if (*polled == nullptr || consumer->generation() != taken_generation) break;
      for (auto& sample : (*polled)->samples) {
        if (auto status = begin(sample); !status) return fail(status.error());
      }
      ahead->parse();
    }
    std::vector<ConsumedRecord> others;
    auto* const records = ahead->take();
    if (records == nullptr) return others;
    for (const auto& sample : records->samples) {
      if (auto measured = measure(sample, records->batch); !measured) return fail(measured.error());
    }
    for (const auto place : records->others)
      others.push_back(copy_of(records->batch.view(place, headers)));
    return others;
  }

  // Whether a record may be the one of which an instance has died.
  bool careful() const {
    return std::any_of(partitions.begin(), partitions.end(), [](const auto& one) {
      const auto& first = one.second->first;
      return std::any_of(first.begin(), first.end(),
                         [](const auto& of) { return of.second.careful(); });
    });
  }

  // Before a record is handled; see FirstRecord.
  Status begin(Partition& partition, FirstRecord& first, std::string_view topic,
               std::int64_t offset) {
    const auto trying = first.begin(offset);
    if (!trying) return {};
    Change change;
    change.tried[std::string(topic)] = *trying;
    return store.commit(partition.claim, change);
  }

  // The same of a sample, before it is parsed.
  Status begin(Sampled& sample) {
    const auto found = partitions.find(sample.partition);
    if (found == partitions.end() || sample.offset < found->second->measuring.next) return {};
    auto& partition = *found->second;
    const auto of_topic = partition.first.find(topics::telemetry);
    if (of_topic == partition.first.end())
      return fail(ErrorKind::fatal, "a partition was taken over without its telemetry");
    auto& first = of_topic->second;
    if (auto status = begin(partition, first, topics::telemetry, sample.offset); !status)
      return status;
    sample.sets_aside = first.sets_aside();
    return {};
  }

  // It changes nothing but what has been measured.
  Status measure(const Sampled& sample, client::RecordBatch& batch) {
    const auto found = partitions.find(sample.partition);
    if (found == partitions.end()) return {};
    auto& measuring = found->second->measuring;
    if (sample.offset < measuring.next) return {};
    if (sample.sets_aside || !sample.wrong.empty()) {
      const auto& reason = sample.sets_aside ? crashing : sample.wrong;
      if (auto put = set_aside(copy_of(batch.view(sample.place, headers)), reason); !put)
        return put;
    } else if (const auto* const why = measuring.take(sample); why != nullptr) {
      parts.metrics
          .counter("oppen_cost_samples_ignored_total", "Samples of attempts that were not measured",
                   {{"why", why}})
          .add();
    }
    measuring.next = sample.offset + 1;
    return {};
  }

  Status handle(const std::vector<ConsumedRecord>& records) {
    std::map<int, std::vector<Said>> all;
    for (const auto& record : records) {
      const auto found = partitions.find(record.partition);
      if (found == partitions.end()) continue;
      auto& partition = *found->second;
      const bool is_event = record.topic == topics::job_events;
      auto& next = is_event ? partition.next : partition.runs;
      if (record.offset < next) continue;
      auto& first = partition.first.at(record.topic);
      if (auto status = begin(partition, first, record.topic, record.offset); !status)
        return status;
      auto what = first.sets_aside() ? set_aside(record, crashing).map([] { return Said(); })
                                     : look_at(record);
      if (!what) return fail(what.error());
      if (!job_of(*what).empty()) all[record.partition].push_back(std::move(*what));
      next = record.offset + 1;
      (is_event ? partition.moved : partition.runs_moved) = true;
      if (is_event) partition.told = std::max(partition.told, record.timestamp);
    }
    for (auto& [number, some] : all) {
      auto& ledger = partitions.at(number)->ledger;
      std::vector<std::string> ids;
      for (const auto& one : some) ids.push_back(job_of(one));
      if (auto status = load_settled(store, ledger, std::move(ids)); !status) return status;
      for (const auto& one : some) {
        if (const auto* fact = std::get_if<Fact>(&one)) ledger.apply(*fact);
        if (const auto* report = std::get_if<Report>(&one)) ledger.apply(*report);
      }
    }
    return {};
  }

  // Onto the dead letter's topic.
  Status set_aside(const ConsumedRecord& record, const std::string& reason) {
    spdlog::warn("{}/{} offset {} is set aside: {}", record.topic, record.partition, record.offset,
                 reason);
    return dead_letters.put(record, reason, dead_letter_deadline);
  }

  // What a record says. What can't be read is on the dead letter's topic by then, what lies in the wrong place is in the right one.
  Result<Said> look_at(const ConsumedRecord& record) {
    const bool is_event = record.topic == topics::job_events;
    const auto& key = record.record.key;
    const auto event = decode(record.record);
    auto what = !event     ? Result<Said>(fail(event.error()))
                : is_event ? said(read_fact(*event, record.timestamp))
                           : said(read_report(*event, record.timestamp));
    const auto is_key = [&](const std::string& job) {
      return job == key || (job.starts_with(':') && job.substr(1) == key);
    };
    if (what && !job_of(*what).empty() && !is_key(job_of(*what)))
      what = fail(ErrorKind::invalid, "the record's key is not " + job_of(*what));
    if (!what) {
      if (auto put = set_aside(record, what.error().message); !put) return fail(put.error());
      auto over = event && is_event ? over_fact(*event, record.timestamp) : std::nullopt;
      return over && over->job_id == key ? Said(std::move(*over)) : Said();
    }
    if (!job_of(*what).empty() && partition_of(key, partition_count) != record.partition) {
      const auto sent =
          parts.producer.send_and_wait(record.topic, record.record, dead_letter_deadline);
      if (!sent) return fail(sent.error());
      misplaced.add();
      return Said();
    }
    return what;
  }

  // Up to when a partition can be charged. Behind the end of the log only up to where it has been read: the end of what began there
  // may stand further on, and would take back all that was charged until now.
  Time horizon(int number, const Partition& partition, Time now) const {
    const auto end = consumer->log_end(events_of(number));
    const bool read_whole = end && partition.next >= *end;
    return (read_whole ? now : std::min(now, partition.told)) - settling;
  }

  // The pods of attempts that are charged to their end now.
  void show_ended(const Ledger& ledger, const std::vector<Charge>& charges, Time now) {
    for (const auto& [id, event] : charges) {
      if (!event.final || event.pod.empty()) continue;
      const auto& attempt =
          ledger.job(run_key(event.job_id, event.run_id)).attempts.at(event.attempt);
      if (attempt.bearer) parts.cost_metrics.ended(pod_cost(attempt, rates, now), now);
    }
  }

  // Charges what is due, stores it together with what the records have changed, and publishes it.
  Status charge() {
    if (partitions.empty()) return {};
    const auto time = present.now();
    if (!time) return fail(time.error());
    const Time now = *time;
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
      show_ended(partition.ledger, charges, now);
      Change change;
      for (const auto& one : charges) change.charges.push_back(&one);
      partition.measuring.settle(partition.ledger, charges, rates, change);
      const bool careful = partition.first.at(std::string(topics::telemetry)).careful();
      partition.measuring.store_all(partition.ledger, careful, change);
      if (auto status = store_changes(store, partition, std::move(change)); !status) return status;
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

  // After everything else: it is the least urgent.
  Status advise() {
    if (partitions.empty()) return {};
    const auto now = present.now();
    if (!now) return fail(now.error());
    return advisor.turn(
        partitions,
        [this](int number, const Partition& partition) { return is_read(number, partition); },
        rates_reader->policy(), *now);
  }

  // Whether all but some of what runs report of themselves is in their records: what was recommended without it would say too little.
  bool is_read(int number, const Partition& partition) const {
    const auto end = consumer->log_end(runs_of(number));
    return end && *end - partition.runs <= ReadAhead::most_at_once;
  }

  // Tells the group how far it is, and Prometheus what runs.
  void tell() {
    const auto now = SteadyClock::now();
    if (now >= next_commit) {
      next_commit = now + commit_every;
      std::map<TopicPartition, std::int64_t> places;
      std::int64_t events_behind = 0;
      std::int64_t runs_behind = 0;
      std::int64_t telemetry_behind = 0;
      const auto tell_place = [&](const TopicPartition& place, std::int64_t next,
                                  std::int64_t& behind) {
        places[place] = next;
        const auto end = consumer->log_end(place);
        if (end) behind += std::max<std::int64_t>(*end - next, 0);
      };
      for (const auto& [number, partition] : partitions) {
        tell_place(events_of(number), partition->next, events_behind);
        tell_place(runs_of(number), partition->runs, runs_behind);
        tell_place(telemetry_of(number), partition->measuring.next, telemetry_behind);
      }
      if (!places.empty()) consumer->commit_info(places);
      events_lag.set(static_cast<double>(events_behind));
      runs_lag.set(static_cast<double>(runs_behind));
      telemetry_lag.set(static_cast<double>(telemetry_behind));
    }
    if (now < next_pods) return;
    next_pods = now + pods_every;
    const Time at = parts.clock.now();
    std::vector<PodCost> pods;
    std::size_t open = 0;
    for (const auto& [number, partition] : partitions) {
      for (const auto& [id, job] : partition->ledger.jobs()) {
        for (const auto& [attempt_number, attempt] : job.attempts) {
          if (attempt.final || !attempt.started_at) continue;
          ++open;
          if (!attempt.bearer || attempt.bearer->pod.empty()) continue;  // of a run from outside
          pods.push_back(pod_cost(attempt, rates, at));
          pods.back().runs = !job.end_of(attempt_number);
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
        if (!store_changes(store, *partition)) break;
      }
    }
    partitions.clear();
    taken_generation = 0;
  }

  // What met an error has crashed nobody. Where that cannot be stored it counts as a try.
  void take_back_tries() {
    for (auto& [number, partition] : partitions) {
      Change change;
      for (auto& [topic, first] : partition->first) {
        if (auto text = first.take_back()) change.tried[topic] = std::move(*text);
      }
      if (!change.empty() && !store.commit(partition->claim, change)) return;
    }
  }

  // Nothing in memory counted any more: everything is taken over anew.
  void begin_again() {
    taken_generation = 0;
    checked = false;
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
      // What is being parsed may still crash it: only then is nothing tried any more.
      ahead->drop();
      take_back_tries();
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
        static_cast<void>(consumer->listen(100ms));
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
  auto consumer = client::GroupConsumer::create(
      kafka, group,
      {std::string(topics::job_events), std::string(topics::runs), std::string(topics::telemetry)});
  if (!consumer) return fail(consumer.error());
  impl->consumer = std::move(*consumer);
  impl->ahead.emplace(*impl->consumer);
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
