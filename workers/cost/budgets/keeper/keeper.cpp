#include "workers/cost/budgets/keeper/keeper.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <utility>

#include "scheduler/queue/reader.hpp"
#include "schemas/parse.hpp"
#include "schemas/topics.hpp"
#include "workers/cost/budgets/keeper/telling.hpp"
#include "workers/cost/budgets/unseen.hpp"
#include "workers/runtime/dead_letter.hpp"
#include "workers/runtime/log.hpp"

namespace oppen::budgets {
namespace {

using namespace std::chrono_literals;
using client::TopicPartition;
using SteadyClock = std::chrono::steady_clock;

constexpr auto kafka_deadline = 5s;
constexpr auto poll_wait = 200ms;
constexpr auto quiet = 10s;
constexpr auto between_looks = 10s;  // at what is committed
constexpr int live_page = 200;
constexpr int most_at_once =
    1'000;  // records in a change: Redis stands still for some milliseconds
constexpr std::size_t most_named = 500;  // budgets on the page of metrics while a process lives

// Sleeps; false when stopped.
bool rest(std::chrono::milliseconds duration, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, duration, [] { return false; });
  return !stop.stop_requested();
}

std::string new_token() {
  std::random_device random;
  return fmt::format("{}-{:08x}{:08x}", getpid(), random(), random());
}

std::string name_of(const TopicPartition& partition) {
  return fmt::format("{}/{}", partition.topic, partition.partition);
}

// What runs, what is kept for jobs that wait, and what has just ended: as the scheduler counts it.
Result<std::vector<Commitment>> commitments_of(queue::QueueReader reader) {
  std::vector<Commitment> all;
  const auto counters = reader.counters();
  if (!counters) return fail(counters.error());
  for (const auto& [pair, cost] : counters->reserved) {
    if (auto kept = read_reserved(pair, cost)) all.push_back(std::move(*kept));
  }
  const auto unseen = reader.unseen();
  if (!unseen) return fail(unseen.error());
  for (const auto& [field, cost] : *unseen) {
    if (auto ended = read_unseen(field, cost)) all.push_back(std::move(*ended));
  }
  std::string cursor;
  do {
    const auto page = reader.live(cursor, live_page);
    if (!page) return fail(page.error());
    for (const auto& job : page->jobs) {
      all.push_back({job.spec.team, job.spec.project, job.estimated_cost, job.estimated_seconds,
                     job.started_at, std::nullopt});
    }
    cursor = page->next;
  } while (!cursor.empty());
  return all;
}

// From winning the lease to losing it.
class Term {
 public:
  Term(const client::KafkaSettings& kafka, const KeeperParts& parts, runtime::Redis& redis,
       KeeperStore& store, client::Consumer& consumer)
      : parts_(parts),
        queue_(redis, kafka.topic_prefix),
        store_(store),
        consumer_(consumer),
        dead_letters_(parts.producer, parts.metrics, "budgets", kafka.topic_prefix) {}

  Status take_over() {
    for (const auto* const hash : {"days", "marks"}) {
      const auto fields = store_.all(hash);
      if (!fields) return fail(fields.error());
      for (const auto& [field, value] : *fields) {
        if (!tally_.load(hash, field, value)) {
          return fail(ErrorKind::fatal,
                      fmt::format("{} of the budgets in Redis is broken: {}", field, value));
        }
      }
    }
    const auto sets = store_.all("sets");
    if (!sets) return fail(sets.error());
    const auto states = store_.all("states");
    if (!states) return fail(states.error());
    for (const auto& [id, text] : *sets) {
      auto set = parse_data<BudgetSet>(nlohmann::json::parse(text, nullptr, false));
      if (!set) return fail(ErrorKind::fatal, "budget " + id + " in Redis is broken");
      const auto state = states->find(id);
      telling_.load(std::move(*set),
                    state == states->end() ? std::nullopt : read_told(state->second));
    }
    return assign();
  }

  Status turn() {
    auto wait = poll_wait;
    for (int i = 0; i < most_at_once; ++i) {
      const auto record = consumer_.poll(wait);
      if (!record && record.error().kind != ErrorKind::unavailable) return fail(record.error());
      if (!record) heard_ = SteadyClock::now();  // what Kafka does not tell may be a lot
      if (!record || !*record) break;
      wait = 0ms;
      heard_ = SteadyClock::now();
      if (auto status = take(**record); !status) return status;
    }
    // The end of a log may be no record, and then is never read.
    if (SteadyClock::now() - heard_ > quiet) ends_.clear();
    tally_.forget(parts_.clock.now());
    if (auto status = commit(); !status) return status;
    return ends_.empty() ? tell() : Status();  // before, it would tell too little
  }

 private:
  Status assign() {
    const auto next = store_.all("next");
    if (!next) return fail(next.error());
    const auto count = consumer_.partition_count(topics::costs, kafka_deadline);
    if (!count) return fail(count.error());
    std::vector<TopicPartition> partitions{{std::string(topics::control), 0}};
    for (int i = 0; i < *count; ++i) partitions.push_back({std::string(topics::costs), i});
    as_of_ = parts_.clock.now();
    for (const auto& partition : partitions) {
      const auto marks = consumer_.watermarks(partition, kafka_deadline);
      if (!marks) return fail(marks.error());
      const auto stored = next->find(name_of(partition));
      const auto from =
          stored == next->end() ? 0 : std::strtoll(stored->second.c_str(), nullptr, 10);
      if (from > 0 && from < marks->low) {
        spdlog::error("{} begins at {}: what stood from {} on is gone, and missing in the budgets",
                      name_of(partition), marks->low, from);
      }
      const auto start = std::max<std::int64_t>(from, marks->low);
      read_[partition] = start;
      if (start < marks->high) ends_[name_of(partition)] = marks->high;
    }
    heard_ = SteadyClock::now();
    return consumer_.assign(read_);
  }

  // How far the logs go now: once all of that is read, what was spent is known as of this moment.
  Status look_at_ends() {
    const auto now = parts_.clock.now();
    for (const auto& [partition, next] : read_) {
      const auto marks = consumer_.watermarks(partition, kafka_deadline);
      if (!marks) return fail(marks.error());
      if (next < marks->high) ends_[name_of(partition)] = marks->high;
    }
    as_of_ = now;
    heard_ = SteadyClock::now();
    return {};
  }

  // What is not valid is set aside, by whoever is the judge of it: of `control` that is the scheduler.
  Status take(const client::ConsumedRecord& record) {
    const auto name = name_of({record.topic, record.partition});
    next_[name] = record.offset + 1;
    read_[{record.topic, record.partition}] = record.offset + 1;
    if (const auto end = ends_.find(name); end != ends_.end() && record.offset + 1 >= end->second)
      ends_.erase(end);
    const auto event = decode(record.record);
    if (record.topic == topics::control) {
      // One that this keeper has not said is of one that was paused, and may be out of date: what is right is said again.
      if (event && event->type == BudgetState::type && sent_.erase(event->id) == 0)
        telling_.again(event->subject);
      if (!event || event->type != BudgetSet::type) return {};
      const auto set = parse_data<BudgetSet>(event->data);
      if (!set || !telling_.set(*set)) return {};
      const bool withdrawn = is_withdrawn(*set);
      cells_.push_back({"sets", set->budget_id, withdrawn ? "" : oppen::to_text(*set)});
      if (withdrawn) cells_.push_back({"states", set->budget_id, ""});
      if (withdrawn) show(set->budget_id, 0);
      return {};
    }
    if (!event) return set_aside(record, event.error().message);
    if (event->type != CostAccrued::type) return {};
    const auto charge = parse_data<CostAccrued>(event->data);
    if (!charge) return set_aside(record, sentences(charge.error()));
    if (tally_.add(event->id, *charge, record.timestamp))
      telling_.spent(*charge, parts_.clock.now());
    return {};
  }

  Status set_aside(const client::ConsumedRecord& record, const std::string& reason) {
    spdlog::warn("costs/{} offset {} is set aside: {}", record.partition, record.offset, reason);
    return dead_letters_.put(record, reason, kafka_deadline);
  }

  Status commit() {
    for (auto& cell : tally_.take_changes()) cells_.push_back(std::move(cell));
    for (const auto& [name, next] : next_) cells_.push_back({"next", name, std::to_string(next)});
    if (cells_.empty()) return {};
    if (auto status = store_.commit(cells_); !status) return status;
    cells_.clear();
    next_.clear();
    return {};
  }

  // Whether this instance keeps the budgets, as late as can be before it says so; what is to be stored is, too.
  Status confirm() {
    const auto held = store_.hold();
    if (!held) return fail(held.error());
    if (!*held) return fail(ErrorKind::fenced, "another instance keeps the budgets");
    if (auto status = store_.commit(cells_); !status) return status;
    cells_.clear();
    return {};
  }

  Status look_at_queue() {
    if (telling_.sets().empty() || SteadyClock::now() < next_look_) return {};
    auto commitments = commitments_of(queue_);
    if (!commitments && commitments.error().kind == ErrorKind::unavailable)
      return fail(commitments.error());
    next_look_ = SteadyClock::now() + between_looks;
    if (commitments) {
      telling_.committed(std::move(*commitments));
    } else {
      spdlog::error("what is committed stays as it was told: {}", commitments.error().message);
    }
    return {};
  }

  Status tell() {
    if (auto status = look_at_queue(); !status) return status;
    const auto all = telling_.due(parts_.clock.now());
    if (all.empty()) {
      as_of_.reset();
      return {};
    }
    if (!as_of_) {
      const auto looked = look_at_ends();
      if (!looked && looked.error().kind == ErrorKind::unavailable)
        return {};  // the next turn asks
      if (!looked) return looked;
      if (!ends_.empty()) return {};  // it is told when that is read
    }
    const auto as_of = *std::exchange(as_of_, std::nullopt);
    for (const auto& due : all) {
      if (auto status = confirm(); !status) return status;
      const auto& state = due.state;
      CloudEvent event;
      // The same state told at the same moment is the same event, whoever tells it.
      event.id = fmt::format("budget-state/{}/{}/{}", state.budget_id, to_rfc3339(as_of),
                             state.spent.value);
      event.source = "/oppen/cost";
      event.type = BudgetState::type;
      event.time = as_of;
      event.subject = state.budget_id;
      sent_.insert(event.id);
      const auto sent = parts_.producer.send_and_wait(
          topics::control, encode(event, state.budget_id, oppen::to_text(state)), kafka_deadline);
      if (!sent) return fail(sent.error());
      telling_.told(state, as_of);
      cells_.push_back({"states", state.budget_id, to_text(ToldState{state, as_of})});
      show(state.budget_id, due.used);
    }
    return commit();
  }

  void show(const std::string& budget, double used) {
    if (named_.size() >= most_named && !named_.contains(budget)) return;
    named_.insert(budget);
    parts_.metrics
        .gauge("oppen_budget_used_ratio",
               "What is spent of the budget in its period, by its amount", {{"budget", budget}})
        .set(used);
  }

  const KeeperParts& parts_;
  queue::QueueReader queue_;
  KeeperStore& store_;
  client::Consumer& consumer_;
  runtime::DeadLetters dead_letters_;
  Tally tally_;
  Telling telling_{tally_};
  std::vector<Cell> cells_;                   // to be stored with the next change
  std::map<std::string, std::int64_t> next_;  // offsets, too
  std::set<std::string> named_;
  std::map<TopicPartition, std::int64_t> read_;  // up to where the logs are read
  std::map<std::string, std::int64_t>
      ends_;  // of the logs as they were at as_of_, where they are not read so far
  std::optional<Time> as_of_;
  std::set<std::string> sent_;  // ids of what was told, until it is read
  SteadyClock::time_point heard_;
  SteadyClock::time_point next_look_;
};

// Until the lease is lost, or something fails.
Status keep(const client::KafkaSettings& kafka, const std::string& redis_url,
            const KeeperParts& parts, const std::stop_token& stop) {
  const auto redis = runtime::Redis::create(redis_url);
  if (!redis) return fail(redis.error());
  KeeperStore store(**redis, kafka.topic_prefix, new_token(), Keeper::lease);
  for (bool held = false; !held;) {
    const auto answer = store.hold();
    if (!answer) return fail(answer.error());
    held = *answer;
    if (!held && !rest(Keeper::lease / 3, stop)) return {};
  }
  auto settings = kafka;
  settings.client_id += "-budgets";
  const auto consumer = client::Consumer::create(settings, "");
  if (!consumer) return fail(consumer.error());
  Term term(kafka, parts, **redis, store, **consumer);
  if (auto status = term.take_over(); !status) return status;
  spdlog::info("this instance keeps the budgets");
  auto renewed = SteadyClock::now();
  Status status;
  while (status && !stop.stop_requested()) {
    status = term.turn();
    if (SteadyClock::now() - renewed < Keeper::lease / 3) continue;
    renewed = SteadyClock::now();
    const auto held = store.hold();
    if (!held) return fail(held.error());
    if (!*held) return fail(ErrorKind::fenced, "another instance keeps the budgets");
  }
  store.release();
  return status;
}

}  // namespace

void Keeper::run(const std::stop_token& stop) {
  runtime::Recurring trouble;
  while (!stop.stop_requested()) {
    const auto status = keep(kafka_, redis_url_, parts_, stop);
    if (status) continue;
    if (trouble.begin_or_due())
      spdlog::warn("the budgets are taken over anew: {}", status.error().message);
    rest(1s, stop);
  }
}

}  // namespace oppen::budgets
