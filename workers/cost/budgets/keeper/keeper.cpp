#include "workers/cost/budgets/keeper/keeper.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <optional>
#include <set>
#include <utility>

#include "scheduler/queue/reader.hpp"
#include "schemas/parse.hpp"
#include "schemas/topics.hpp"
#include "workers/cost/budgets/keeper/idle_keeping.hpp"
#include "workers/cost/budgets/keeper/telling.hpp"
#include "workers/cost/budgets/unseen.hpp"
#include "workers/runtime/dead_letter.hpp"
#include "workers/runtime/log.hpp"
#include "workers/runtime/rest.hpp"

namespace oppen::budgets {
namespace {

using namespace std::chrono_literals;
using client::TopicPartition;
using SteadyClock = std::chrono::steady_clock;

constexpr auto kafka_deadline = 5s;
constexpr auto poll_wait = 200ms;
constexpr auto between_looks = 10s;  // at what is committed
constexpr int live_page = 200;
constexpr int most_at_once =
    1'000;  // records in a change: Redis stands still for some milliseconds
constexpr std::size_t most_cells = 5'000;  // of idle GPUs in a change, likewise
constexpr std::size_t most_named = 500;    // budgets on the page of metrics while a process lives

TopicPartition control() { return {std::string(topics::control), 0}; }

std::string name_of(const TopicPartition& partition) {
  return fmt::format("{}/{}", partition.topic, partition.partition);
}

// 0: none is stored.
std::int64_t offset_of(const std::map<std::string, std::string>& stored,
                       const TopicPartition& partition) {
  const auto found = stored.find(name_of(partition));
  return found == stored.end() ? 0 : std::strtoll(found->second.c_str(), nullptr, 10);
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
        dead_letters_(parts.producer, parts.metrics, "budgets", kafka.topic_prefix),
        idle_(parts, redis, queue_, store, consumer) {}
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
      if (auto status = renew(); !status) return status;
    }
    if (auto status = idle_.load([this] { return renew(); }); !status) return status;
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

  // Another tells from now on.
  void show_nothing() {
    for (const auto& budget : named_) show(budget, 0);
    idle_.show_nothing();
  }

  Status turn() {
    auto wait = poll_wait;
    for (int i = 0; i < most_at_once; ++i) {
      const auto record = consumer_.poll(wait);
      if (!record && record.error().kind != ErrorKind::unavailable) return fail(record.error());
      if (!record || !*record) break;
      wait = 0ms;
      if (auto status = take(**record); !status) return status;
      if (idle_.pending() >= most_cells) break;
    }
    std::erase_if(ends_, [&](const auto& end) {
      return (!control_alone_ || end.first == control()) &&
             consumer_.position(end.first) >= end.second;
    });
    if (control_alone_ && !ends_.contains(control())) {
      if (auto status = read_all(); !status) return status;
    }
    tally_.forget(parts_.clock.now());
    if (auto status = idle_.forget(); !status) return status;
    if (!control_alone_) {
      if (auto status = idle_.count(); !status) return status;
    }
    if (auto status = commit(); !status) return status;
    return ends_.empty() ? tell() : Status();  // before, it would tell too little
  }

 private:
  // What there is may take long to load.
  Status renew() {
    const auto held = store_.hold();
    if (!held) return fail(held.error());
    return *held ? Status() : fail(ErrorKind::fenced, "another instance keeps the budgets");
  }

  // Before any charge is counted it is known what nodes there were: `control` is read first, to where it ends now.
  Status assign() {
    const auto next = store_.all("next");
    if (!next) return fail(next.error());
    const auto counted = store_.all("idle-next");
    if (!counted) return fail(counted.error());
    const auto count = consumer_.partition_count(topics::costs, kafka_deadline);
    if (!count) return fail(count.error());
    std::vector<TopicPartition> partitions{control()};
    for (int i = 0; i < *count; ++i) partitions.push_back({std::string(topics::costs), i});
    as_of_ = parts_.clock.now();
    control_told_ = offset_of(*next, control());
    bool all_counted = true;
    for (const auto& partition : partitions) {
      const auto marks = consumer_.watermarks(partition, kafka_deadline);
      if (!marks) return fail(marks.error());
      auto from = offset_of(*next, partition);
      // Nodes and rates that were read when nobody counted are read again. Charges are not: they are in the budgets.
      if (partition == control()) {
        from = std::min(from, offset_of(*counted, partition));
      } else if (from != offset_of(*counted, partition)) {
        all_counted = false;
      }
      if (from > 0 && from < marks->low) {
        spdlog::error("{} begins at {}: what stood from {} on is gone, and missing in the budgets",
                      name_of(partition), marks->low, from);
      }
      const auto start = std::max<std::int64_t>(from, marks->low);
      read_[partition] = start;
      if (start < marks->high) ends_[partition] = marks->high;
    }
    if (!all_counted) {
      if (auto status = idle_.begin(cells_); !status) return status;
      for (const auto& [name, offset] : *next) {
        if (name != name_of(control())) cells_.push_back({"idle-next", name, offset});
      }
    }
    return consumer_.assign({{control(), read_.at(control())}});
  }

  Status read_all() {
    control_alone_ = false;
    return consumer_.assign(read_);
  }

  // How far the logs go now: once all of that is read, what was spent is known as of this moment.
  Status look_at_ends() {
    const auto now = parts_.clock.now();
    for (const auto& [partition, next] : read_) {
      const auto marks = consumer_.watermarks(partition, kafka_deadline);
      if (!marks) return fail(marks.error());
      if (next < marks->high) ends_[partition] = marks->high;
    }
    as_of_ = now;
    return {};
  }

  // What is not valid is set aside, by whoever is the judge of it: of `control` that is the scheduler.
  Status take(const client::ConsumedRecord& record) {
    const TopicPartition partition{record.topic, record.partition};
    next_[partition] = record.offset + 1;
    read_[partition] = record.offset + 1;
    const auto event = decode(record.record);
    if (record.topic == topics::control) {
      if (event) idle_.take(*event, record);
      if (record.offset < control_told_) return {};  // the budgets have it
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
    if (!tally_.add(event->id, *charge, record.timestamp)) return {};
    telling_.spent(*charge, parts_.clock.now());
    idle_.take(*charge, record);
    return {};
  }

  Status set_aside(const client::ConsumedRecord& record, const std::string& reason) {
    spdlog::warn("costs/{} offset {} is set aside: {}", record.partition, record.offset, reason);
    return dead_letters_.put(record, reason, kafka_deadline);
  }

  Status commit() {
    for (auto& cell : tally_.take_changes()) cells_.push_back(std::move(cell));
    idle_.take_changes(cells_);
    for (const auto& [partition, next] : next_) {
      const auto told = partition == control() ? std::max(next, control_told_) : next;
      cells_.push_back({"next", name_of(partition), std::to_string(told)});
      cells_.push_back({"idle-next", name_of(partition), std::to_string(next)});
    }
    if (cells_.empty()) return {};
    if (auto status = store_.commit(cells_); !status) return status;
    cells_.clear();
    next_.clear();
    return {};
  }

  // Whether this instance keeps the budgets, as late as can be before it says so; what is to be stored is, too.
  Status confirm() {
    if (auto status = renew(); !status) return status;
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
  IdleKeeping idle_;
  std::int64_t control_told_ = 0;                // up to there the budgets knew `control`
  bool control_alone_ = true;                    // is read
  std::vector<Cell> cells_;                      // to be stored with the next change
  std::map<TopicPartition, std::int64_t> next_;  // offsets, too
  std::set<std::string> named_;
  std::map<TopicPartition, std::int64_t> read_;  // up to where the logs are read
  std::map<TopicPartition, std::int64_t>
      ends_;  // of the logs as they were at as_of_, where they are not read so far
  std::optional<Time> as_of_;
  std::set<std::string> sent_;  // ids of what was told, until it is read
  SteadyClock::time_point next_look_;
};

// Until the lease is lost, or something fails.
Status keep(const client::KafkaSettings& kafka, const std::string& redis_url,
            const KeeperParts& parts, const std::stop_token& stop) {
  const auto redis = runtime::Redis::create(redis_url);
  if (!redis) return fail(redis.error());
  KeeperStore store(**redis, kafka.topic_prefix, runtime::new_token(), Keeper::lease);
  for (bool held = false; !held;) {
    const auto answer = store.hold();
    if (!answer) return fail(answer.error());
    held = *answer;
    if (!held && !runtime::rest(Keeper::lease / 3, stop)) return {};
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
    if (!*held) status = fail(ErrorKind::fenced, "another instance keeps the budgets");
  }
  // After another error this instance most likely goes on, and what it has told stays until then.
  if (status || status.error().kind == ErrorKind::fenced) term.show_nothing();
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
    runtime::rest(1s, stop);
  }
}

}  // namespace oppen::budgets
