#include "workers/notifier/worker.hpp"

#include <fmt/format.h>

#include <deque>
#include <map>
#include <mutex>
#include <utility>

#include "producers/client/group_consumer.hpp"
#include "schemas/parse.hpp"
#include "schemas/topics.hpp"
#include "workers/notifier/carrier.hpp"
#include "workers/notifier/message.hpp"
#include "workers/notifier/store.hpp"
#include "workers/runtime/dead_letter.hpp"
#include "workers/runtime/log.hpp"

namespace oppen::notifier {
namespace {

using namespace std::chrono_literals;
using client::ConsumedRecord;
using client::TopicPartition;
using SteadyClock = std::chrono::steady_clock;

constexpr auto group = "oppen-notifier";
constexpr std::size_t most_records = 500;
// Without a Redis that knows better, what ended longer ago is not told.
constexpr auto told_anew = 1h;
constexpr std::size_t most_receipts = 1'000;  // that are shown
constexpr auto broker_deadline = 5s;
constexpr auto pause_after_trouble = 1s;
constexpr auto closing_time = 5s;
constexpr auto ask_redis_every =
    1s;                            // whether it is there, and this is still the one that delivers
constexpr auto read_at_most = 2s;  // before what has been read is stored
// The log may end in what is no record (of a transaction): with nothing to read for so long it has been read.
constexpr auto quiet_end = 5s;

const TopicPartition& alerts_log() {
  static const TopicPartition log{std::string(topics::alerts), 0};
  return log;
}

}  // namespace

struct Worker::Impl {
  Impl(const client::KafkaSettings& settings, std::unique_ptr<runtime::Redis> a_redis,
       const WorkerParts& given)
      : kafka(settings),
        parts(given),
        redis(std::move(a_redis)),
        store(*redis, settings.topic_prefix),
        dead_letters(given.producer, given.metrics, "notifier", settings.topic_prefix),
        lag(given.metrics.gauge("oppen_consumer_lag",
                                "Records of the topic that are not handled yet",
                                {{"topic", settings.topic_prefix + std::string(topics::alerts)}})) {
  }

  // A route, and who carries its messages.
  struct Way {
    Waiting waiting;
    std::unique_ptr<Carrier> carrier;
    runtime::Gauge& length;
  };

  client::KafkaSettings kafka;
  WorkerParts parts;
  std::unique_ptr<runtime::Redis> redis;
  Store store;
  runtime::DeadLetters dead_letters;
  runtime::Gauge& lag;
  std::stop_source ends_carrying;
  std::unique_ptr<client::GroupConsumer> consumer;
  client::RecordBatch polled_record;
  std::vector<HeaderView> headers;
  std::vector<Way> ways;  // behind the consumer, which the carriers wake
  std::stop_token stop;

  std::uint64_t taken_generation = 0;  // of the group's assignment; 0: none
  bool active = false;                 // the log of alerts is ours, and taken over
  bool reading = false;
  SteadyClock::time_point next_question{};
  SteadyClock::time_point last_record{};
  Claim claim;
  std::int64_t next = 0;
  std::int64_t known_end =
      0;  // of the log, when it was taken over: nothing goes out before all that is read
  Time told_since{};
  std::map<std::string, Time> canaries;
  std::vector<Carrier::Carried> carried;  // and not recorded yet

  runtime::Recurring crowded;

  mutable std::mutex shown_mutex;
  std::deque<std::string> shown;  // receipts, the latest first

  Status add_way(const Route& route) {
    auto channel = make_channel(route.channel, parts.http, ends_carrying.get_token());
    if (!channel) return fail(channel.error().in_context("opening the route " + route.name));
    ways.push_back({Waiting(route),
                    std::make_unique<Carrier>(std::move(*channel), [this] { consumer->wake(); }),
                    parts.metrics.gauge("oppen_notifier_waiting",
                                        "Alerts that are to be told by the route, now or again",
                                        {{"route", route.name}})});
    return {};
  }

  Status turn() {
    if (consumer->generation() != taken_generation) {
      if (auto status = take_over(); !status) return status;
    }
    Change change;
    if (auto status = read(change); !status) return status;
    if (consumer->generation() != taken_generation) return {};
    if (!active) return stand_by();
    collect();
    const auto now = parts.clock.now();
    for (const auto& one : carried) record(one, now, change);
    if (auto status = commit(change, carried.size()); !status) return status;
    if (auto status = ask_redis(); !status) return status;
    if (SteadyClock::now() > last_record + quiet_end) known_end = std::min(known_end, next);
    if (next >= known_end) hand_out(now);
    return {};
  }

  // That Redis is away, or another one delivers, is known also while there is nothing to store.
  Status ask_redis() {
    if (SteadyClock::now() < next_question) return {};
    next_question = SteadyClock::now() + ask_redis_every;
    return store.check(claim);
  }

  Status stand_by() {
    if (SteadyClock::now() < next_question) return {};
    next_question = SteadyClock::now() + ask_redis_every;
    parts.health.set("redis", redis->command({"PING"}).map([](const auto&) {}));
    lag.set(0);
    for (auto& way : ways) way.length.set(0);
    return {};
  }

  Status take_over() {
    active = reading = false;
    const auto generation = consumer->generation();
    if (!consumer->owned().contains(alerts_log())) {
      taken_generation = generation;
      return {};
    }
    auto log = client::Consumer::create(kafka, "");
    if (!log) return fail(log.error());
    const auto cluster = (*log)->cluster_id(broker_deadline);
    if (!cluster) return fail(cluster.error());
    const auto known = store.cluster(*cluster);
    if (!known) return fail(known.error());
    if (*known != *cluster) {
      return fail(
          ErrorKind::fatal,
          fmt::format(
              "Redis holds the deliveries of Kafka cluster {}, connected is {}: give each "
              "cluster a Redis of its own (OPPEN_REDIS_URL), or empty this one's keys of the "
              "notifier",
              *known, *cluster));
    }
    const auto marks = (*log)->watermarks(alerts_log(), broker_deadline);
    if (!marks) return fail(marks.error());
    auto claimed = store.claim();
    if (!claimed) return fail(claimed.error());
    auto stored = store.load();
    if (!stored) return fail(stored.error());
    claim = std::move(*claimed);
    const bool continues = claim.next && *claim.next <= marks->high;
    if (claim.next && !continues)
      spdlog::error("alerts were told up to offset {}, and the log ends at {}: begun anew",
                    *claim.next, marks->high);
    next = continues ? std::max(*claim.next, marks->low) : marks->low;
    known_end = marks->high;
    told_since = continues ? Time{} : parts.clock.now() - told_anew;
    canaries = std::move(stored->canaries);
    if (auto status = load(std::move(stored->waiting)); !status) return status;
    if (auto status = load_receipts(); !status) return status;
    parts.health.set("redis", {});
    taken_generation = generation;
    active = true;
    last_record = SteadyClock::now();
    spdlog::info("alerts are told from offset {} on", next);
    return {};
  }

  // What no route takes any more is forgotten: its end may have been told meanwhile.
  Status load(std::map<std::string, std::map<std::string, Entry>> waiting) {
    Change forgotten;
    for (auto& way : ways) {
      const auto& name = way.waiting.route().name;
      for (auto& entry : way.waiting.load(std::move(waiting[name])))
        forgotten.entries.emplace_back(name, std::move(entry));
      waiting.erase(name);
    }
    for (const auto& [name, entries] : waiting) {
      for (const auto& [fingerprint, entry] : entries)
        forgotten.entries.emplace_back(name, EntryChange{fingerprint, {}});
    }
    return forgotten.empty() ? Status() : store.commit(claim, forgotten);
  }

  Status load_receipts() {
    auto receipts = store.receipts(most_receipts);
    if (!receipts) return fail(receipts.error());
    const std::scoped_lock lock(shown_mutex);
    shown.assign(receipts->begin(), receipts->end());
    return {};
  }

  Status read(Change& change) {
    if (active && !reading) {
      if (auto status = consumer->start({{alerts_log(), next}}); !status) return status;
      reading = true;
    }
    const auto until = SteadyClock::now() + read_at_most;
    auto patience = 100ms;
    for (std::size_t count = 0; count < most_records && SteadyClock::now() < until; ++count) {
      parts.health.beat();
      const auto polled = consumer->poll(polled_record, 1, patience);
      parts.health.set("kafka", polled);
      if (!polled) {
        if (polled.error().kind == ErrorKind::unavailable) break;
        return fail(polled.error());
      }
      if (polled_record.empty()) break;
      if (consumer->generation() != taken_generation || !active) break;
      const auto record = client::copy_of(polled_record.view(0, headers));
      if (record.offset < next) continue;
      if (auto status = take(record, change); !status) return status;
      next = record.offset + 1;
      last_record = SteadyClock::now();
      change.next = next;
      patience = 0ms;
    }
    return {};
  }

  Status take(const ConsumedRecord& record, Change& change) {
    const auto event = decode(record.record);
    std::string wrong = event ? "" : event.error().message;
    if (event && event->type == Alert::type) {
      const auto alert = parse_data<Alert>(event->data);
      if (alert) {
        for (auto& way : ways) {
          const auto since = record.offset < known_end ? told_since : Time{};
          for (auto& changed : way.waiting.accept(*alert, since))
            change.entries.emplace_back(way.waiting.route().name, std::move(changed));
        }
        return {};
      }
      wrong = sentences(alert.error());
    }
    if (wrong.empty()) return {};  // of a type that is to come
    spdlog::warn("alerts/{} offset {} is set aside: {}", record.partition, record.offset, wrong);
    return dead_letters.put(record, wrong, broker_deadline);
  }

  void collect() {
    for (auto& way : ways) {
      if (auto one = way.carrier->collect()) carried.push_back(std::move(*one));
    }
  }

  void record(const Carrier::Carried& one, Time now, Change& change) {
    const auto& message = one.message;
    if (message.alerts.front().kind == canary_kind) {
      change.canaries[message.route] = message.now;
    } else {
      for (auto& way : ways) {
        if (way.waiting.route().name != message.route) continue;
        for (auto& entry : outcome_of(one, now, way.waiting))
          change.entries.emplace_back(message.route, std::move(entry));
      }
    }
    auto receipt = receipt_of(message, one.delivery.status, now);
    // What an Alertmanager is told again every minute would push out all others.
    if (message.repeated && one.delivery.status) return count(receipt);
    change.receipts.push_back(std::move(receipt));
  }

  static std::vector<EntryChange> outcome_of(const Carrier::Carried& one, Time now,
                                             Waiting& waiting) {
    const auto& [status, retry_after] = one.delivery;
    if (status) return waiting.delivered(one.message, now);
    if (status.error().kind == ErrorKind::refused) return waiting.refused(one.message);
    waiting.postponed(now, retry_after);
    return {};
  }

  // `recorded`: how many of those that were carried are in it.
  Status commit(const Change& change, std::size_t recorded) {
    if (!change.empty()) {
      if (auto status = store.commit(claim, change); !status) return status;
      if (change.next) consumer->commit_info({{alerts_log(), *change.next}});
    }
    carried.erase(carried.begin(), carried.begin() + static_cast<long>(recorded));
    for (const auto& [route, at] : change.canaries) canaries[route] = at;
    for (const auto& receipt : change.receipts) show(receipt);
    for (auto& way : ways) {
      way.length.set(static_cast<double>(way.waiting.size()));
      tell_dropped(way.waiting);
    }
    lag.set(static_cast<double>(
        std::max<std::int64_t>(consumer->log_end(alerts_log()).value_or(next) - next, 0)));
    return {};
  }

  void tell_dropped(Waiting& waiting) {
    const auto dropped = waiting.take_dropped();
    if (dropped == 0) return;
    parts.metrics
        .counter("oppen_notifier_dropped_total",
                 "Alerts that a route did not take since too many wait for it",
                 {{"route", waiting.route().name}})
        .add(static_cast<double>(dropped));
    if (crowded.begin_or_due())
      spdlog::error("route {}: {} alerts wait, and {} more were dropped", waiting.route().name,
                    waiting.size(), dropped);
  }

  void count(const Receipt& receipt) {
    parts.metrics
        .counter("oppen_deliveries_total", "What became of the messages that were to be delivered",
                 {{"route", receipt.route}, {"outcome", receipt.outcome}})
        .add();
  }

  void show(const Receipt& receipt) {
    count(receipt);
    if (receipt.outcome == "delivered") {
      spdlog::info("route {}: {} alerts delivered ({})", receipt.route, receipt.alert_ids.size(),
                   receipt.delivery_id);
    } else {
      spdlog::warn("route {}: {} alerts {} ({}): {}", receipt.route, receipt.alert_ids.size(),
                   receipt.outcome, receipt.delivery_id, receipt.reason);
    }
    const std::scoped_lock lock(shown_mutex);
    shown.push_front(to_json(receipt));
    if (shown.size() > most_receipts) shown.pop_back();
  }

  void hand_out(Time now) {
    for (auto& way : ways) {
      if (way.carrier->busy()) continue;
      const auto& name = way.waiting.route().name;
      const auto last = canaries.find(name);
      if (auto message = way.waiting.next(now)) {
        way.carrier->carry(std::move(*message));
      } else if (way.waiting.canary_due(
                     last == canaries.end() ? std::nullopt : std::optional(last->second), now)) {
        canaries[name] = now;  // also of one that does not arrive: its receipt says so
        way.carrier->carry(way.waiting.canary(now));
      }
    }
  }

  void begin_again() {
    taken_generation = 0;
    active = reading = false;
    parts.health.set("redis", redis->command({"PING"}).map([](const auto&) {}));
    if (!consumer->owned().empty()) static_cast<void>(consumer->hold());
  }

  // What the receivers have by now is recorded, so that they do not get it again.
  void close() {
    const auto until = SteadyClock::now() + closing_time;
    const auto busy = [&] {
      return std::any_of(ways.begin(), ways.end(),
                         [](const Way& way) { return way.carrier->busy(); });
    };
    while (active && SteadyClock::now() < until) {
      Change change;
      collect();
      for (const auto& one : carried) record(one, parts.clock.now(), change);
      if (!commit(change, carried.size()) || !busy()) break;
      static_cast<void>(consumer->listen(50ms));
      if (consumer->generation() != taken_generation) break;
    }
  }

  Status run() {
    runtime::Recurring trouble;
    while (!stop.stop_requested()) {
      parts.health.beat();
      const auto status = turn();
      if (status) {
        if (active && trouble.end()) spdlog::info("it goes on");
        continue;
      }
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
    close();
    return {};
  }
};

Worker::Worker(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Worker::~Worker() {
  impl_->ends_carrying.request_stop();
  impl_->parts.http.stop();
  impl_->ways.clear();
}

Result<std::unique_ptr<Worker>> Worker::create(const client::KafkaSettings& kafka,
                                               const std::string& redis_url,
                                               const std::vector<Route>& routes,
                                               const WorkerParts& parts) {
  auto redis = runtime::Redis::create(redis_url);
  if (!redis) return fail(redis.error());
  auto impl = std::make_unique<Impl>(kafka, std::move(*redis), parts);
  auto consumer = client::GroupConsumer::create(kafka, group, {std::string(topics::alerts)});
  if (!consumer) return fail(consumer.error());
  impl->consumer = std::move(*consumer);
  for (const auto& route : routes) {
    if (auto status = impl->add_way(route); !status) return fail(status.error());
  }
  parts.health.set("kafka", fail(ErrorKind::unavailable, "not connected yet"));
  parts.health.set("redis", fail(ErrorKind::unavailable, "not connected yet"));
  return std::unique_ptr<Worker>(new Worker(std::move(impl)));
}

Status Worker::run(const std::stop_token& stop) {
  impl_->stop = stop;
  return impl_->run();
}

std::string Worker::deliveries() const {
  const std::scoped_lock lock(impl_->shown_mutex);
  std::string all = "[";
  for (const auto& receipt : impl_->shown) {
    if (all.size() > 1) all += ',';
    all += receipt;
  }
  return all + "]";
}

}  // namespace oppen::notifier
