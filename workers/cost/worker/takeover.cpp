#include "workers/cost/worker/takeover.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "schemas/parse.hpp"
#include "schemas/topics.hpp"
#include "workers/runtime/log.hpp"

namespace oppen::cost {
namespace {

using namespace std::chrono_literals;
using client::TopicPartition;

constexpr auto takeover_deadline = 5s;
constexpr auto no_progress_deadline = 1min;
constexpr std::size_t recalled_at_once = 500;
constexpr auto advice =
    ": give each Kafka cluster a Redis of its own (OPPEN_REDIS_URL), or empty this one's keys "
    "of the cost worker to rebuild the ledger from the log";

// A charge as it was published; nullopt for what is none of ours.
std::optional<Charge> charge_of(const client::ConsumedRecord& record) {
  const auto event = decode(record.record);
  if (!event || event->type != CostAccrued::type) return std::nullopt;
  auto data = parse_data<CostAccrued>(event->data);
  if (!data || data->job_id.empty() != (data->attempt == 0)) return std::nullopt;
  return Charge{event->id, std::move(*data)};
}

}  // namespace

Status store_changes(LedgerStore& store, Partition& partition, Change change) {
  auto& ledger = partition.ledger;
  if (partition.moved) change.next = partition.next;
  if (partition.runs_moved) change.runs = partition.runs;
  if (partition.costs) change.costs = partition.costs;
  const auto changed = ledger.take_changed();
  for (const auto& id : changed) change.jobs.emplace_back(id, &ledger.job(id));
  if (change.empty()) return {};
  if (auto status = store.commit(partition.claim, change); !status) return status;
  partition.moved = partition.runs_moved = false;
  partition.costs.reset();
  for (const auto& id : changed) ledger.stored(id);
  return {};
}

Status load_settled(LedgerStore& store, Ledger& ledger, std::vector<std::string> job_ids) {
  std::sort(job_ids.begin(), job_ids.end());
  job_ids.erase(std::unique(job_ids.begin(), job_ids.end()), job_ids.end());
  std::erase_if(job_ids, [&](const auto& id) { return ledger.knows(id); });
  auto jobs = store.settled_jobs(job_ids);
  if (!jobs) return fail(jobs.error());
  for (auto& [id, job] : *jobs) ledger.load_settled(id, std::move(job));
  return {};
}

Result<std::unique_ptr<Takeover>> Takeover::create(const client::KafkaSettings& kafka,
                                                   LedgerStore& store, Publisher& publisher,
                                                   const pricing::RateHistory& rates) {
  auto consumer = client::Consumer::create(kafka, "");
  if (!consumer) return fail(consumer.error());
  return std::unique_ptr<Takeover>(new Takeover(std::move(*consumer), store, publisher, rates));
}

Result<int> Takeover::check() {
  const auto events = consumer_->partition_count(topics::job_events, takeover_deadline);
  if (!events) return fail(events.error());
  const auto costs = consumer_->partition_count(topics::costs, takeover_deadline);
  if (!costs) return fail(costs.error());
  const auto runs = consumer_->partition_count(topics::runs, takeover_deadline);
  if (!runs) return fail(runs.error());
  const auto telemetry = consumer_->partition_count(topics::telemetry, takeover_deadline);
  if (!telemetry) return fail(telemetry.error());
  if (*events != *costs || *events != *runs || *events != *telemetry) {
    return fail(ErrorKind::fatal,
                fmt::format("the topic job-events has {} partitions, costs has {}, runs has {} and "
                            "telemetry has {}: they must have as many, so that a job is in the "
                            "same one of each",
                            *events, *costs, *runs, *telemetry));
  }
  const auto connected = consumer_->cluster_id(takeover_deadline);
  if (!connected) return fail(connected.error());
  const auto known = store_.cluster(*connected);
  if (!known) return fail(known.error());
  if (*known != *connected) {
    return fail(ErrorKind::fatal, "Redis holds the ledger of Kafka cluster " + *known +
                                      ", connected is " + *connected + advice);
  }
  return events;
}

Result<Place> Takeover::place(std::string_view topic, int number,
                              std::optional<std::int64_t> next) {
  const TopicPartition at{std::string(topic), number};
  const auto marks = consumer_->watermarks(at, takeover_deadline);
  if (!marks) return fail(marks.error());
  if (!next) return Place{marks->low, marks->high};
  if (*next > marks->high) {
    return fail(ErrorKind::fatal,
                fmt::format("Redis has handled {}/{} up to offset {}, its log ends at {}{}", topic,
                            number, *next, marks->high, advice));
  }
  if (*next < marks->low) {
    spdlog::error(
        "{}/{} is not kept before offset {} any more, and was handled up to {}: what it told in "
        "between is lost",
        topic, number, marks->low, *next);
  }
  return Place{std::max(*next, marks->low), marks->high};
}

// Without a place, from now on: no money depends on it, and a day of it would take long to read.
Result<Place> Takeover::telemetry_place(const Claim& claim) {
  const auto marks =
      consumer_->watermarks({std::string(topics::telemetry), claim.partition}, takeover_deadline);
  if (!marks) return fail(marks.error());
  return Place{std::clamp(claim.telemetry.value_or(marks->high), marks->low, marks->high),
               marks->high};
}

// What is on the bus and not in Redis. Returns where the log of costs ends; what it holds of `unpublished` is taken out.
Result<std::int64_t> Takeover::recall(Partition& partition, std::vector<Charge>& unpublished,
                                      const std::function<bool()>& go_on) {
  const TopicPartition at{std::string(topics::costs), partition.claim.partition};
  const auto marks = consumer_->watermarks(at, takeover_deadline);
  if (!marks) return fail(marks.error());
  auto next = std::max(partition.claim.costs.value_or(marks->low), marks->low);
  if (next >= marks->high) return marks->high;
  if (auto status = consumer_->assign({{at, next}}); !status) return fail(status.error());
  std::set<std::string> missing;  // of what is to be published, what the log does not hold
  for (const auto& charge : unpublished) missing.insert(charge.id);
  std::vector<Charge> some;
  const auto take_some = [&]() -> Status {
    std::vector<std::string> ids;
    for (const auto& charge : some)
      ids.push_back(run_key(charge.event.job_id, charge.event.run_id));
    if (auto status = load_settled(store_, partition.ledger, std::move(ids)); !status)
      return status;
    Change change;
    for (const auto& charge : some) {
      if (partition.ledger.recall(charge.id, charge.event))
        change.recalled.push_back(&charge.event);
    }
    change.costs = next;
    change.keep_outbox = true;
    auto stored = store_changes(store_, partition, std::move(change));
    some.clear();
    return stored;
  };
  auto deadline = std::chrono::steady_clock::now() + no_progress_deadline;
  while (next < marks->high) {
    if (!go_on()) return fail(ErrorKind::unavailable, "stopped while taking a partition over");
    if (std::chrono::steady_clock::now() > deadline)
      return fail(ErrorKind::unavailable, fmt::format("costs/{} could not be read", at.partition));
    const auto record = consumer_->poll(200ms);
    if (!record) return fail(record.error());
    if (!*record) continue;
    deadline = std::chrono::steady_clock::now() + no_progress_deadline;
    next = (*record)->offset + 1;
    auto charge = charge_of(**record);
    if (!charge) continue;
    missing.erase(charge->id);
    some.push_back(std::move(*charge));
    if (some.size() < recalled_at_once) continue;
    if (auto status = take_some(); !status) return fail(status.error());
  }
  if (auto status = take_some(); !status) return fail(status.error());
  std::erase_if(unpublished, [&](const Charge& charge) { return !missing.contains(charge.id); });
  return next;
}

Result<std::unique_ptr<Partition>> Takeover::take(int number, const std::function<bool()>& go_on) {
  auto claim = store_.claim(number);
  if (!claim) return fail(claim.error());
  auto partition = std::unique_ptr<Partition>(new Partition{std::move(*claim), Ledger(rates_)});
  const auto next = place(topics::job_events, number, partition->claim.next);
  if (!next) return fail(next.error());
  const auto runs = place(topics::runs, number, partition->claim.runs);
  if (!runs) return fail(runs.error());
  const auto telemetry = telemetry_place(partition->claim);
  if (!telemetry) return fail(telemetry.error());
  const auto usages = store_.usages(number);
  if (!usages) return fail(usages.error());
  if (auto status = partition->measuring.load(*usages); !status) return fail(status.error());
  partition->measuring.begin(telemetry->next);
  auto jobs = store_.open_jobs(number);
  if (!jobs) return fail(jobs.error());
  for (auto& [id, job] : *jobs) partition->ledger.load(id, std::move(job));
  auto unpublished = store_.outbox(number);
  if (!unpublished) return fail(unpublished.error());
  auto end = recall(*partition, *unpublished, go_on);
  if (!end) return fail(end.error());
  if (!unpublished->empty()) {
    std::vector<std::pair<int, const Charge*>> charges;
    for (const auto& charge : *unpublished) charges.emplace_back(number, &charge);
    const auto published = publisher_.publish(charges, go_on);
    if (!published) return fail(published.error());
    end = std::max(*end, published->at(number));
  }
  partition->costs = *end;
  partition->next = next->next;
  partition->moved = partition->claim.next != next->next;
  partition->runs = runs->next;
  partition->runs_moved = partition->claim.runs != runs->next;
  // No further ahead can the record lie of which another one died.
  for (const auto& [topic, place, most] :
       {std::tuple(topics::job_events, *next, ReadAhead::most_ahead),
        std::tuple(topics::runs, *runs, ReadAhead::most_ahead),
        std::tuple(topics::telemetry, *telemetry,
                   Measuring::most_unstored + ReadAhead::most_ahead)})
    partition->first.emplace(
        topic, FirstRecord(partition->claim.tried[std::string(topic)], place.next,
                           std::min(place.end, place.next + most), store_.instance()));
  if (auto status = store_changes(store_, *partition); !status) return fail(status.error());
  return partition;
}

}  // namespace oppen::cost
