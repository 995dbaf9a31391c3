#include "workers/anomaly/worker/worker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <set>
#include <utility>

#include "schemas/topics.hpp"
#include "workers/anomaly/episodes/view.hpp"
#include "workers/anomaly/rules/rules.hpp"
#include "workers/anomaly/worker/lagging.hpp"
#include "workers/anomaly/worker/merge.hpp"
#include "workers/anomaly/worker/outbox.hpp"
#include "workers/anomaly/worker/watcher.hpp"
#include "workers/runtime/dead_letter.hpp"
#include "workers/runtime/leased_store.hpp"
#include "workers/runtime/log.hpp"
#include "workers/runtime/rest.hpp"

namespace oppen::anomaly {
namespace {

using namespace std::chrono_literals;
using client::TopicPartition;
using runtime::Cell;
using SteadyClock = std::chrono::steady_clock;
using Offsets = std::map<TopicPartition, std::int64_t>;

// The lease goes on meanwhile: it is renewed between these, when a third of it is over.
constexpr auto kafka_deadline = 3s;
constexpr auto groups_deadline = 1s;
constexpr auto poll_wait = 200ms;
constexpr int most_at_once = 1'000;  // records of a turn
constexpr int between_renewals = 100;
constexpr auto commit_every = 1s;  // of what happens now
constexpr auto commit_at_least_every = 5s;
constexpr int most_uncommitted =
    20'000;                      // records: one change of Redis is bounded, however slow it is
constexpr int most_looks = 500;  // of a turn
// What is published may take so long to be there.
constexpr auto on_its_way = 2s;
constexpr auto between_ends = 500ms;
// Times are those that producers give: what lies beyond is taken as of that bound.
constexpr std::chrono::days oldest{100};
// What is read ahead of the slowest log is bounded: a log waits at so many records where all together are more than that.
constexpr std::size_t most_ahead = 15'000;
constexpr std::size_t ahead_of_one = 1'000;
constexpr std::size_t ahead_again = 500;  // what comes again takes its time
// Of many logs at once, each time, so that one is not read far ahead of the others.
constexpr auto fetch_bytes = "65536";
constexpr auto live = 2min;  // of now: what others have committed belongs to this moment

constexpr std::array followed = {topics::job_events, topics::telemetry, topics::runs, topics::costs,
                                 topics::control};
constexpr std::array groups = {"oppen-scheduler", "oppen-cost", "oppen-notifier"};
// Read by others alone.
const TopicPartition jobs_log{std::string(topics::jobs), 0};
const TopicPartition alerts_log{std::string(topics::alerts), 0};

std::string name_of(const TopicPartition& partition) {
  return fmt::format("{}/{}", partition.topic, partition.partition);
}

// As it is stored: the offset to go on from, and the time up to which the partition was taken.
struct Place {
  std::int64_t next = 0;
  Time at{};
};
std::string to_text(const Place& place) {
  return fmt::format("{} {}", place.next, place.at.time_since_epoch().count());
}
std::optional<Place> read_place(const std::string& text) {
  const auto* const end = text.data() + text.size();
  Place place;
  std::int64_t at = 0;
  const auto [blank, error] = std::from_chars(text.data(), end, place.next);
  if (error != std::errc{} || blank == end) return std::nullopt;
  const auto [stopped, other] = std::from_chars(blank + 1, end, at);
  if (other != std::errc{} || stopped != end) return std::nullopt;
  place.at = Time(std::chrono::milliseconds(at));
  return place;
}

// From winning the lease to losing it.
class Term {
 public:
  // `renew`: the lease, where it is time to; asked in all that may last.
  Term(const client::KafkaSettings& kafka, const WorkerParts& parts, runtime::LeasedStore& store,
       client::Consumer& consumer, std::function<Status()> renew)
      : renew_(std::move(renew)),
        parts_(parts),
        prefix_(kafka.topic_prefix),
        store_(store),
        consumer_(consumer),
        dead_letters_(parts.producer, parts.metrics, "anomaly", kafka.topic_prefix),
        late_(parts.metrics.counter("oppen_anomaly_late_total",
                                    "Samples that came too late to be judged")),
        ahead_(parts.metrics.counter("oppen_anomaly_ahead_total",
                                     "Samples and charges of a time after they were published")),
        refused_(parts.metrics.counter("oppen_anomaly_refused_total",
                                       "Alerts and proposals that Kafka doesn't take")),
        broken_(parts.metrics.counter("oppen_anomaly_broken_total",
                                      "Stored values that can't be read, and are set aside")),
        waiting_(parts.metrics.gauge("oppen_outbox_length", "Events that are to be published")) {}

  Status take_over() {
    if (auto status = check_cluster(); !status) return status;
    for (const auto& hash : watcher_.hashes()) {
      if (auto status =
              load(hash, [&](const auto& field,
                             const auto& value) { return watcher_.load(hash, field, value); });
          !status)
        return status;
    }
    if (auto status =
            load(Outbox::hash,
                 [&](const auto& field, const auto& value) { return outbox_.load(field, value); });
        !status)
      return status;
    if (auto status = assign(); !status) return status;
    show();
    return publish();
  }

  Status turn() {
    if (auto status = read(); !status) return status;
    if (auto status = look_at_ends(); !status) return status;
    if (auto status = watch(); !status) return status;
    if (is_commit_due()) {
      if (auto status = commit(); !status) return status;
    }
    if (auto status = publish(); !status) return status;
    return pace();
  }

  // What was published is to be forgotten.
  Status finish() { return commit(); }

 private:
  template <class Take>
  Status load(const std::string& hash, const Take& take) {
    const auto fields = store_.all(hash);
    if (!fields) return fail(fields.error());
    for (const auto& [field, value] : *fields) {
      if (take(field, value)) continue;
      spdlog::error("{} of {} of the alerts in Redis is broken, and is set aside", field, hash);
      broken_.add();
      set_aside_.push_back({"broken", hash + " " + field, value});
      set_aside_.push_back({hash, field, ""});
    }
    return renew_();
  }

  Status check_cluster() {
    const auto connected = consumer_.cluster_id(kafka_deadline);
    if (!connected) return fail(connected.error());
    const auto known = store_.all("cluster");
    if (!known) return fail(known.error());
    const auto id = known->find("id");
    if (id == known->end()) return store_.commit({{"cluster", "id", *connected}});
    if (id->second == *connected) return {};
    return fail(
        ErrorKind::fatal,
        fmt::format("Redis holds the alerts of Kafka cluster {}, connected is {}: give each "
                    "cluster a Redis of its own (OPPEN_REDIS_URL), or empty this one's "
                    "keys of the alerts",
                    id->second, *connected));
  }

  Status assign() {
    const auto stored = store_.all("next");
    if (!stored) return fail(stored.error());
    const auto known_letters = store_.all("letters");
    if (!known_letters) return fail(known_letters.error());
    since_ = parts_.clock.now() - oldest;
    for (const auto& topic : followed) {
      const auto count = consumer_.partition_count(topic, kafka_deadline);
      if (!count) return fail(count.error());
      for (int number = 0; number < *count; ++number) {
        const TopicPartition partition{std::string(topic), number};
        if (auto status = renew_(); !status) return status;
        const auto marks = consumer_.watermarks(partition, kafka_deadline);
        if (!marks) return fail(marks.error());
        Place place{marks->low, since_};
        if (const auto known = stored->find(name_of(partition)); known != stored->end()) {
          const auto read = read_place(known->second);
          if (!read)
            return fail(ErrorKind::fatal,
                        "next of " + name_of(partition) + " of the alerts in Redis is broken");
          place = *read;
        }
        if (place.next < marks->low || place.next > marks->high) {
          spdlog::error("{} goes from {} to {}: it was read up to {}, and is read from its begin",
                        name_of(partition), marks->low, marks->high, place.next);
          place.next = marks->low;
        }
        if (const auto known = known_letters->find(name_of(partition));
            known != known_letters->end()) {
          const auto written = read_place(known->second);
          if (written && written->next <= marks->high) letters_[partition] = written->next;
        }
        read_[partition] = handled_[partition] = place.next;
        merge_.begin(partition, place.at);
        asked_.push_back(partition);
      }
    }
    asked_.push_back(jobs_log);
    asked_.push_back(alerts_log);
    return consumer_.assign(read_);
  }

  Status read() {
    auto wait = poll_wait;
    run_ = {};
    for (int i = 0; i < most_at_once; ++i) {
      if (i % between_renewals == 0) {
        if (auto status = renew_(); !status) return status;
      }
      const auto record = consumer_.poll_view(wait);
      if (i == 0 || !record) parts_.health.set("kafka", record.map([](const auto&) {}));
      if (!record && record.error().kind != ErrorKind::unavailable) return fail(record.error());
      is_caught_up_ = !record || *record == nullptr;
      if (is_caught_up_) break;
      wait = 0ms;
      if (auto status = take(**record); !status) return status;
    }
    return {};
  }

  // What is not valid is set aside, by whoever is the judge of it: of `control` that is the scheduler.
  Status take(const client::ConsumedView& record) {
    if (run_.next == nullptr || run_.from.partition != record.partition ||
        run_.from.topic != record.topic) {
      run_.from = {std::string(record.topic), record.partition};
      run_.next = &read_[run_.from];
    }
    const auto& from = run_.from;
    if (record.offset < *run_.next) return {};
    *run_.next = record.offset + 1;
    const auto now = parts_.clock.now();
    Happening happening;
    happening.at = std::clamp<Time>(record.timestamp, now - oldest, now);
    // One that says it is still to come counts as what came before it, if anything did: what follows it in its log is not of now either.
    if (record.timestamp > now && merge_.reached(from) > since_) happening.at = since_;
    const auto wrong = tell(record, happening);
    if (!wrong && record.topic != topics::control && record.offset >= letters_[from]) {
      spdlog::warn("{} offset {} is set aside: {}", name_of(from), record.offset,
                   wrong.error().message);
      if (auto status = dead_letters_.put(copy_of(record), wrong.error().message, kafka_deadline);
          !status)
        return status;
      letters_[from] = record.offset + 1;
      set_aside_.push_back({"letters", name_of(from), to_text({record.offset + 1, happening.at})});
    }
    merge_.add(from, record.offset, std::move(happening));
    return {};
  }

  // What the record says, but when. Errors: invalid.
  Status tell(const client::ConsumedView& record, Happening& happening) {
    happening.told = record.timestamp;
    if (record.topic == topics::telemetry) {
      auto fact = samples_.read(record.record);
      if (!fact) return fail(fact.error());
      happening.fact = std::move(*fact);
      return {};
    }
    const auto event = decode(copy_of(record).record);
    if (!event) return fail(event.error());
    happening.id = event->id;
    if (event->time != Time{}) happening.told = event->time;
    auto fact = read_fact(*event);
    if (!fact) return fail(fact.error());
    happening.fact = std::move(*fact);
    return {};
  }

  // Logs that are read to their ends had nothing more until that moment.
  Status look_at_ends() {
    if (SteadyClock::now() < next_ends_) return {};
    next_ends_ = SteadyClock::now() + between_ends;
    const auto now = parts_.clock.now();
    auto ends = consumer_.ends(asked_, kafka_deadline);
    if (!ends) {
      parts_.health.set("kafka", fail(ends.error()));
      return ends.error().kind == ErrorKind::unavailable ? Status() : fail(ends.error());
    }
    std::map<std::string, std::int64_t> behind;
    for (const auto& [partition, next] : read_) {
      const auto end = ends->at(partition);
      const bool all_read = consumer_.position(partition) >= end;
      if (all_read) merge_.heard(partition, now - on_its_way);
      // Behind the last record there may be what is no record.
      const bool all_handled = all_read && merge_.size(partition) == 0;
      behind[partition.topic] +=
          all_handled ? 0 : std::max<std::int64_t>(end - handled_[partition], 0);
    }
    ends_ = std::move(*ends);
    for (const auto& [topic, records] : behind) {
      parts_.metrics
          .gauge("oppen_consumer_lag", "Records of the topic that are not handled yet",
                 {{"topic", prefix_ + topic}})
          .set(static_cast<double>(records));
    }
    return {};
  }

  Status watch() {
    int looks = 0;
    for (int i = 0; i < most_at_once;) {
      if (i % between_renewals == 0) {
        if (auto status = renew_(); !status) return status;
      }
      const auto due = watcher_.next_look();
      if (due && *due <= merge_.until()) {
        // What was taken may be stored before others are asked, which may last.
        if ((is_live(*due) && i > 0) || ++looks > most_looks) break;
        if (auto status = look(*due); !status) return status;
        continue;
      }
      auto item = merge_.pop();
      if (!item) break;
      ++i;
      ++uncommitted_;
      watcher_.take(std::move(item->happening));
    }
    note_taken();
    return {};
  }

  void note_taken() {
    for (const auto& [partition, popped] : merge_.take_popped()) {
      handled_[partition] = popped.next;
      places_[partition] = {popped.next, popped.at};
    }
  }

  bool is_live(Time at) const { return at + live > parts_.clock.now(); }

  Status look(Time at) {
    const bool of_now = is_live(at);
    if (!of_now && watcher_.is_silent()) {
      watcher_.pass_look();
      return {};
    }
    note_taken();
    auto reached = handled_;
    std::vector<Finding> lags;
    if (of_now) {
      for (const auto& log : {jobs_log, alerts_log}) {
        if (const auto end = ends_.find(log); end != ends_.end()) reached[log] = end->second;
      }
      lagging_.passed(at, reached);
      for (const auto* const group : groups) {
        if (auto status = renew_(); !status) return status;
        const auto committed = consumer_.committed_by(group, groups_deadline);
        if (!committed) {
          // The alerts go on; that this is not known is told.
          if (lag_unknown_.begin_or_due())
            spdlog::warn("whether {} is behind is not known: {}", group, committed.error().message);
          break;
        }
        lag_unknown_.end();
        for (auto& finding : lagging_.look(at, group, *committed))
          lags.push_back(std::move(finding));
      }
    } else {
      lagging_.passed(at, reached);
    }
    for (const auto& said : watcher_.look(lags)) {
      outbox_.put(said);
      is_said_ = true;
    }
    show();
    return {};
  }

  // What is said is published when it is stored, and what is set aside isn't to be set aside twice. All else may as well be read again: it is
  // stored now and then, all that has changed at once.
  bool is_commit_due() const {
    const auto since = SteadyClock::now() - committed_;
    return is_said_ || !set_aside_.empty() || uncommitted_ >= most_uncommitted ||
           since >= (is_caught_up_ ? commit_every : commit_at_least_every);
  }

  Status commit() {
    committed_ = SteadyClock::now();
    uncommitted_ = 0;
    is_said_ = false;
    auto cells = set_aside_;  // first: there may be another value by now
    watcher_.take_changes(cells);
    outbox_.take_changes(cells);
    for (const auto& [partition, place] : places_)
      cells.push_back({"next", name_of(partition), to_text(place)});
    if (cells.empty()) return {};
    if (auto status = store_.commit(cells); !status) return status;
    places_.clear();
    set_aside_.clear();
    return {};
  }

  Status publish() {
    waiting_.set(static_cast<double>(outbox_.size()));
    const auto published = outbox_.publish(parts_.producer, renew_);
    waiting_.set(static_cast<double>(outbox_.size()));
    if (!published) return fail(published.error());
    refused_.add(published->refused);
    // That it is done is known at once, whoever goes on.
    return published->sent + published->refused > 0 ? commit() : Status();
  }

  Status pace() {
    std::vector<TopicPartition> hold;
    std::vector<TopicPartition> go_on;
    for (const auto& [partition, next] : read_) {
      const auto ahead = merge_.size(partition);
      if (paused_.contains(partition)) {
        if (ahead < ahead_again) go_on.push_back(partition);
      } else if (merge_.size() > most_ahead && ahead > ahead_of_one) {
        hold.push_back(partition);
      }
    }
    if (!hold.empty()) {
      if (auto status = consumer_.pause(hold); !status) return status;
      paused_.insert(hold.begin(), hold.end());
    }
    if (!go_on.empty()) {
      if (auto status = consumer_.resume(go_on); !status) return status;
      for (const auto& partition : go_on) paused_.erase(partition);
    }
    return {};
  }

  void show() {
    for (const auto& [kind, state, count] : watcher_.episodes().counts()) {
      parts_.metrics
          .gauge("oppen_alerts", "Alerts that fire, and those that will if it lasts",
                 {{"kind", kind}, {"state", state}})
          .set(count);
    }
    late_.add(static_cast<double>(watcher_.late() - late_told_));
    late_told_ = watcher_.late();
    ahead_.add(static_cast<double>(watcher_.ahead() - ahead_told_));
    ahead_told_ = watcher_.ahead();
  }

  std::function<Status()> renew_;
  const WorkerParts& parts_;
  std::string prefix_;
  runtime::LeasedStore& store_;
  client::Consumer& consumer_;
  runtime::DeadLetters dead_letters_;
  runtime::Counter& late_;
  runtime::Counter& ahead_;
  runtime::Counter& refused_;
  runtime::Counter& broken_;
  runtime::Gauge& waiting_;
  Watcher watcher_{all_rules()};
  Merge merge_;
  Outbox outbox_;
  Lagging lagging_;
  runtime::Recurring lag_unknown_;
  // The records of a partition come many in a row.
  struct Run {
    TopicPartition from;
    std::int64_t* next = nullptr;  // in read_
  };
  Run run_;
  SampledReader samples_;
  SteadyClock::time_point committed_{};
  int uncommitted_ = 0;                     // records that were taken since then
  bool is_said_ = false;                    // and not stored
  bool is_caught_up_ = false;               // at the last read
  Offsets read_;                            // up to where the logs are read
  Offsets handled_;                         // and up to where that is taken
  std::map<TopicPartition, Place> places_;  // to be stored
  std::set<TopicPartition> paused_;
  std::vector<TopicPartition> asked_;
  Offsets ends_;
  Time since_{};
  Offsets letters_;                       // up to where what is not valid is in the dead letter
  std::vector<runtime::Cell> set_aside_;  // to be stored, besides
  std::uint64_t late_told_ = 0;
  std::uint64_t ahead_told_ = 0;
  SteadyClock::time_point next_ends_{};
};

// Until the lease is lost, or something fails.
Status keep_watch(const client::KafkaSettings& kafka, const std::string& redis_url,
                  const WorkerParts& parts, runtime::Gauge& leader, const std::stop_token& stop) {
  const auto redis = runtime::Redis::create(redis_url);
  if (!redis) return fail(redis.error());
  runtime::LeasedStore store(**redis, store_prefix(kafka.topic_prefix), runtime::new_token(),
                             Worker::lease);
  for (bool held = false; !held;) {
    parts.health.beat();
    const auto answer = store.hold();
    parts.health.set("redis", answer.map([](const auto&) {}));
    if (!answer) return fail(answer.error());
    held = *answer;
    if (!held) {  // a standby needs no more
      parts.health.set("kafka", {});
      parts.health.set("watching", {});
    }
    if (!held && !runtime::rest(Worker::lease / 3, stop)) return {};
  }
  auto reading = kafka;
  reading.properties.try_emplace("fetch.message.max.bytes", fetch_bytes);
  const auto consumer = client::Consumer::create(reading, "");
  if (!consumer) return fail(consumer.error());
  auto renewed = SteadyClock::now();
  const auto renew = [&]() -> Status {
    parts.health.beat();
    if (SteadyClock::now() - renewed < Worker::lease / 3) return {};
    renewed = SteadyClock::now();
    const auto held = store.hold();
    parts.health.set("redis", held.map([](const auto&) {}));
    if (!held) return fail(held.error());
    if (!*held) return fail(ErrorKind::fenced, "another instance watches");
    return {};
  };
  Term term(kafka, parts, store, **consumer, renew);
  if (auto status = term.take_over(); !status) return status;
  spdlog::info("this instance watches");
  leader.set(1);
  parts.health.set("watching", {});
  Status status;
  while (status && !stop.stop_requested()) status = term.turn();
  if (status) status = term.finish();
  store.release();
  return status;
}

}  // namespace

void Worker::run(const std::stop_token& stop) {
  auto& leader = parts_.metrics.gauge("oppen_leader", "1 while this instance watches");
  runtime::Recurring trouble;
  while (!stop.stop_requested()) {
    const auto status = keep_watch(kafka_, redis_url_, parts_, leader, stop);
    leader.set(0);
    if (status) continue;
    const auto& error = status.error();
    if (error.kind == ErrorKind::unavailable || error.kind == ErrorKind::fatal)
      parts_.health.set("watching", status);
    if (trouble.begin_or_due()) spdlog::warn("the watch is taken over anew: {}", error.message);
    runtime::rest(1s, stop);
  }
}

}  // namespace oppen::anomaly
