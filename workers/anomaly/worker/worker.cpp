#include "workers/anomaly/worker/worker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <utility>

#include "schemas/topics.hpp"
#include "workers/anomaly/episodes/view.hpp"
#include "workers/anomaly/rules/rules.hpp"
#include "workers/anomaly/worker/intake.hpp"
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
constexpr auto poll_wait = 100ms;
constexpr int most_at_once = 1'000;  // records of a turn
constexpr int between_renewals = 100;
constexpr auto commit_every = 1s;  // of what happens now
constexpr auto commit_at_least_every = 5s;
constexpr int most_uncommitted =
    100'000;  // records: one change of Redis is bounded, however slow it is
// Records: where others are waited for, and where all that there is was taken.
constexpr int worth_a_commit = 10'000;
constexpr int worth_the_last_commit = 1'000;
constexpr int most_looks = 500;  // of a turn
// What is published may take so long to be there.
constexpr auto on_its_way = 2s;
constexpr auto between_ends = 500ms;
// Where all that is waited for is to hear that a log has ended.
constexpr auto least_between_ends = 10ms;
// Times are those that producers give: what lies beyond is taken as of that bound.
constexpr std::chrono::days oldest{100};
// What is read ahead of the slowest log is bounded: so many records of each log, and fewer where all together are more than `most_ahead`.
constexpr std::size_t ahead_of_one = 1'000;
constexpr std::size_t most_ahead = 12'000;
constexpr std::size_t ahead_beyond = 300;
// Batches of a turn: they are parsed while as many that came before are judged.
constexpr std::size_t most_asked = 4;
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

// What mends itself is told where nothing else is.
void worst(Status& status, Status other) {
  if (!other && (status || status.error().kind == ErrorKind::unavailable))
    status = std::move(other);
}

// A log that is followed.
struct Lane {
  TopicPartition partition;
  std::string name;
  std::int64_t read = 0;      // up to where it is read
  std::int64_t handled = 0;   // and up to where that is taken
  std::int64_t letters = 0;   // up to where what is not valid is in the dead letter
  std::optional<Place> done;  // to be stored
};

// From winning the lease to losing it.
class Term {
 public:
  // `renew`: the lease, where it is time to; asked in all that may last.
  Term(const client::KafkaSettings& kafka, const WorkerParts& parts, runtime::LeasedStore& store,
       client::Consumer& consumer, std::function<Status()> renew)
      : renew_(std::move(renew)),
        parts_(parts),
        kafka_(kafka),
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
    return publish();
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
    Offsets from;
    std::map<TopicPartition, Time> since;
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
        auto& lane =
            lanes_.emplace_back(Lane{partition, name_of(partition), place.next, place.next, 0, {}});
        if (const auto known = known_letters->find(lane.name); known != known_letters->end()) {
          const auto written = read_place(known->second);
          if (written && written->next <= marks->high) lane.letters = written->next;
        }
        since[partition] = place.at;
        from[partition] = place.next;
      }
    }
    // Each partition's place is the same everywhere: the order of the partitions.
    std::sort(lanes_.begin(), lanes_.end(),
              [](const Lane& a, const Lane& b) { return a.partition < b.partition; });
    for (const auto& lane : lanes_) {
      merge_.begin(since[lane.partition]);
      asked_.push_back(lane.partition);
    }
    asked_.push_back(jobs_log);
    asked_.push_back(alerts_log);
    auto intake = Intake::open(kafka_, from);
    if (!intake) return fail(intake.error());
    intake_ = std::move(*intake);
    return {};
  }

  // What was asked for the last time is parsed by now, or nearly, and what is asked for now will be while this thread goes on.
  Status read() {
    const auto before = intake_->under_way();
    auto status = intake_->check();
    worst(status, ask());
    for (std::size_t i = 0; i < before; ++i) {
      if (auto renewed = renew_(); !renewed) return renewed;
      if (auto taken = take(*intake_->take()); !taken) return taken;
    }
    // Nothing goes on until something of this one comes, or it is heard to have ended.
    const auto first = merge_.first();
    is_caught_up_ = before == 0 && intake_->under_way() == 0;
    if (is_caught_up_ && merge_.size(first) == 0) {
      worst(status, intake_->ask(first, is_end_awaited() ? least_between_ends : poll_wait));
    }
    parts_.health.set("kafka", status);
    if (!status && status.error().kind != ErrorKind::unavailable) return status;
    return {};
  }

  // First of all for what is waited for, then for the others in turn.
  Status ask() {
    Status status;
    const auto most = intake_->under_way() + most_asked;
    const auto ask = [&](std::size_t place) {
      if (intake_->under_way() >= most) return false;
      const auto ahead = merge_.size(place) + intake_->under_way(place);
      if (ahead + Intake::most_in_batch >
          (merge_.size() < most_ahead ? ahead_of_one : ahead_beyond))
        return true;
      worst(status, intake_->ask(place));
      return true;
    };
    ask(merge_.first());
    for (std::size_t i = 0; i < lanes_.size() && ask(next_asked_); ++i)
      next_asked_ = (next_asked_ + 1) % lanes_.size();
    return status;
  }

  Status take(Intake::Batch& batch) {
    auto& lane = lanes_[batch.place];
    const auto now = parts_.clock.now();
    for (auto& wrong : batch.wrong) {
      if (auto status = set_aside(lane, wrong, now); !status) return status;
    }
    for (auto& entry : batch.entries) {
      if (entry.offset < lane.read) continue;
      lane.read = entry.offset + 1;
      // One that says it is still to come counts as what came before it, if anything did: what follows it in its log is not of now either.
      const bool is_to_come = entry.at > now && merge_.reached(batch.place) > since_;
      entry.at = is_to_come ? since_ : std::clamp<Time>(entry.at, now - oldest, now);
      merge_.add(batch.place, std::move(entry));
    }
    return {};
  }

  Status set_aside(Lane& lane, const Intake::Wrong& wrong, Time now) {
    const auto offset = wrong.record.offset;
    if (offset < lane.letters) return {};
    if (auto status = renew_(); !status) return status;
    spdlog::warn("{} offset {} is set aside: {}", lane.name, offset, wrong.why);
    if (auto status = dead_letters_.put(wrong.record, wrong.why, kafka_deadline); !status)
      return status;
    lane.letters = offset + 1;
    set_aside_.push_back({"letters", lane.name, to_text({offset + 1, now})});
    return {};
  }

  // The merge waits for a log that has ended, and will go on when that is heard.
  bool is_end_awaited() const {
    const auto first = merge_.first();
    return are_ends_known_ && merge_.size() > 0 && merge_.size(first) == 0 &&
           intake_->is_at_end(first) &&
           merge_.reached(first) + on_its_way + between_ends < parts_.clock.now();
  }

  // Logs that are read to their ends had nothing more until that moment.
  Status look_at_ends() {
    const auto since = SteadyClock::now() - asked_ends_;
    if (since < least_between_ends || (since < between_ends && !is_end_awaited())) return {};
    const auto now = parts_.clock.now();
    // What it has to say of its brokers would pile up; the answers to questions say it, too.
    static_cast<void>(consumer_.poll(0ms));
    auto ends = consumer_.ends(asked_, kafka_deadline);
    asked_ends_ = SteadyClock::now();
    are_ends_known_ = ends.has_value();
    if (!ends) {
      parts_.health.set("kafka", fail(ends.error()));
      return ends.error().kind == ErrorKind::unavailable ? Status() : fail(ends.error());
    }
    std::map<std::string, std::int64_t> behind;
    for (std::size_t place = 0; place < lanes_.size(); ++place) {
      const auto& lane = lanes_[place];
      const auto end = ends->at(lane.partition);
      const bool all_read = intake_->is_taken(place, end);
      if (all_read) merge_.heard(place, now - on_its_way);
      // Behind the last record there may be what is no record.
      const bool all_handled = all_read && merge_.size(place) == 0;
      behind[lane.partition.topic] +=
          all_handled ? 0 : std::max<std::int64_t>(end - lane.handled, 0);
    }
    ends_ = std::move(*ends);
    for (const auto& [topic, records] : behind) {
      parts_.metrics
          .gauge("oppen_consumer_lag", "Records of the topic that are not handled yet",
                 {{"topic", kafka_.topic_prefix + topic}})
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
    for (const auto& [place, popped] : merge_.take_popped()) {
      lanes_[place].handled = popped.next;
      lanes_[place].done = {popped.next, popped.at};
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
    Offsets reached;
    for (const auto& lane : lanes_) reached[lane.partition] = lane.handled;
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
    const int most = !is_caught_up_       ? most_uncommitted
                     : merge_.size() == 0 ? worth_the_last_commit
                                          : worth_a_commit;
    return is_said_ || !set_aside_.empty() || uncommitted_ >= most ||
           since >= (is_caught_up_ ? commit_every : commit_at_least_every);
  }

  Status commit() {
    if (auto status = renew_(); !status) return status;  // a large change may last
    committed_ = SteadyClock::now();
    uncommitted_ = 0;
    is_said_ = false;
    auto cells = set_aside_;  // first: there may be another value by now
    watcher_.take_changes(cells);
    outbox_.take_changes(cells);
    for (const auto& lane : lanes_) {
      if (lane.done) cells.push_back({"next", lane.name, to_text(*lane.done)});
    }
    if (cells.empty()) return {};
    if (auto status = store_.commit(cells); !status) return status;
    for (auto& lane : lanes_) lane.done.reset();
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
  const client::KafkaSettings& kafka_;
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
  std::vector<Lane> lanes_;  // in the order of their partitions
  std::unique_ptr<Intake> intake_;
  std::size_t next_asked_ = 0;
  SteadyClock::time_point committed_{};
  int uncommitted_ = 0;        // records that were taken since then
  bool is_said_ = false;       // and not stored
  bool is_caught_up_ = false;  // at the last read
  std::vector<TopicPartition> asked_;
  Offsets ends_;
  Time since_{};
  std::vector<runtime::Cell> set_aside_;  // to be stored, besides
  std::uint64_t late_told_ = 0;
  std::uint64_t ahead_told_ = 0;
  SteadyClock::time_point asked_ends_{};
  bool are_ends_known_ = false;
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
  // For questions alone: they need not wait behind what is being fetched.
  const auto consumer = client::Consumer::create(kafka, "");
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
    if (error.kind != ErrorKind::fenced) parts_.health.set("watching", status);
    if (trouble.begin_or_due()) spdlog::warn("the watch is taken over anew: {}", error.message);
    runtime::rest(1s, stop);
  }
}

}  // namespace oppen::anomaly
