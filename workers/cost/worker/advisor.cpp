#include "workers/cost/worker/advisor.hpp"

#include <algorithm>
#include <exception>
#include <mutex>
#include <optional>
#include <span>

#include "schemas/parse.hpp"
#include "schemas/topics.hpp"
#include "workers/cost/recommend/followed.hpp"
#include "workers/cost/recommend/recommend.hpp"
#include "workers/cost/report/forecast.hpp"
#include "workers/cost/report/history.hpp"

namespace oppen::cost {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr auto look_every = std::chrono::seconds(1);
constexpr auto look_at_most = std::chrono::milliseconds(100);
constexpr std::size_t most_runs_a_look = 50;  // some hundred records on their way to Kafka
// What costs more than twice as much counts as that: one run that went wrong does not outweigh all others.
constexpr double most_lost_percent = 100;

KafkaRecord recommendation_record(const CostRecommendation& one, Time ended_at) {
  CloudEvent event;
  event.id = one.recommendation_id;
  event.source = "/oppen/cost";
  event.type = CostRecommendation::type;
  event.time = ended_at;  // the same whenever it is published
  event.subject = one.job_id.empty() ? one.run_id : one.job_id;
  return encode(event, event.subject, to_text(one));
}

}  // namespace

// Shared with the producer's callbacks, which may come after nobody waits any more.
struct Advisor::Sent {
  int partition = 0;
  Advised advised;
  std::vector<std::string> strategies;
  std::optional<bool> covered;
  std::mutex mutex;
  std::size_t open = 0;
  std::string error;

  void begin() {
    const std::lock_guard lock(mutex);
    ++open;
  }
  void end(const std::string& why) {
    const std::lock_guard lock(mutex);
    --open;
    if (!why.empty()) error = why;
  }
};

struct Advisor::History {
  std::string model_type;
  std::vector<RunRecord> runs;  // the latest first
  TrackRecords followed;

  // Those that a forecast would have gone by before then.
  std::span<const RunRecord> before(Time ended_at) const {
    const auto first = std::find_if(runs.begin(), runs.end(), [&](const RunRecord& run) {
      return run.ended_at && *run.ended_at < ended_at;
    });
    return {first, first + std::min<std::ptrdiff_t>(runs.end() - first, history_limit)};
  }
};

Advisor::Advisor(client::Producer& producer, LedgerStore& store, runtime::Redis& redis,
                 const std::string& topic_prefix, const pricing::RateHistory& rates,
                 runtime::Metrics& metrics)
    : producer_(producer),
      store_(store),
      books_(redis, topic_prefix),
      rates_(rates),
      metrics_(metrics) {}

Status Advisor::turn(Partitions& partitions,
                     const std::function<bool(int, const Partition&)>& is_ready,
                     const plan::Policy& policy, Time now) {
  if (!sent_.empty()) return settle(partitions);
  if (SteadyClock::now() < next_look_) return {};
  next_look_ = SteadyClock::now() + look_every;
  return look(partitions, is_ready, policy, now);
}

Status Advisor::look(const Partitions& partitions,
                     const std::function<bool(int, const Partition&)>& is_ready,
                     const plan::Policy& policy, Time now) {
  const auto until = SteadyClock::now() + look_at_most;
  std::vector<int> order;
  for (const auto& [number, partition] : partitions) order.push_back(number);
  std::rotate(order.begin(), std::lower_bound(order.begin(), order.end(), first_), order.end());
  std::size_t room = most_runs_a_look;
  History history;
  for (const int number : order) {
    if (!is_ready(number, *partitions.at(number))) continue;
    const auto due = store_.due_for_advice(number, now, room);
    if (!due) return fail(due.error());
    for (const auto& id : *due) {
      first_ = number + 1;
      if (auto status = advise(number, id, policy, now, history); !status) return status;
      if (--room == 0 || SteadyClock::now() >= until) return {};
    }
  }
  return {};
}

Result<std::vector<CostRecommendation>> Advisor::savings_on(const RunRecord& run, Time now,
                                                            History& history) {
  if (history.model_type != run.model_type) {
    history.model_type.clear();
    auto runs = books_.history(run.model_type, most_past_runs);
    if (!runs) return fail(runs.error());
    auto followed = books_.track_records(run.model_type);
    if (!followed) return fail(followed.error());
    history = {run.model_type, std::move(*runs), std::move(*followed)};
  }
  const auto accuracies = books_.accuracies(run);
  if (!accuracies) return fail(accuracies.error());
  return recommend({run, history.runs, rates_.at(now), *accuracies, history.followed});
}

Result<std::vector<Followed>> Advisor::followed_by_run(const RunRecord& run) {
  std::vector<Followed> found;
  std::map<std::string, std::string> strategy_at;
  std::vector<std::string> places;
  for (const auto& strategy : strategies()) {
    places.push_back(place_of(strategy, run));
    strategy_at[places.back()] = strategy;
  }
  const auto stand = store_.recommended(run.model_type, places);
  if (!stand) return fail(stand.error());
  for (const auto& [place, text] : *stand) {
    const auto& strategy = strategy_at.at(place);
    const auto recommendation = read_short(strategy, text);
    if (!recommendation) {
      spdlog::error("{} of {}: {}", strategy, run.model_type, recommendation.error().message);
      continue;  // until the next one takes its place
    }
    const auto first = books_.job(run_key(recommendation->job_id, recommendation->run_id));
    if (!first) return fail(first.error());
    if (!*first) continue;
    const auto outcome = followed_by(*recommendation, **first, run, rates_);
    if (!outcome || !outcome->alone) continue;
    spdlog::info("{} has followed {}: it saved {:.1f} %, {}", outcome->run,
                 outcome->recommendation_id, outcome->saved_percent,
                 outcome->kept ? "as promised" : "less than promised");
    found.push_back({place, text, strategy, outcome->kept,
                     std::max(outcome->saved_percent, -most_lost_percent)});
  }
  return found;
}

Status Advisor::advise(int partition, const std::string& id, const plan::Policy& policy, Time now,
                       History& history) {
  const auto sent = std::make_shared<Sent>();
  sent->partition = partition;
  sent->advised.id = id;
  const auto add = [&]() -> Status {
    const auto run = books_.job(id);
    if (!run) return fail(run.error());
    if (!*run || !(*run)->ended_at) return {};  // it is not kept any more, or runs again
    const auto& record = **run;
    auto followed = followed_by_run(record);
    if (!followed) return fail(followed.error());
    const auto all = savings_on(record, now, history);
    if (!all) return fail(all.error());
    sent->covered = was_covered(record, history.before(*record.ended_at), policy);
    sent->advised = {id, record.model_type, *record.ended_at, std::move(*followed), {}};
    for (const auto& one : *all) {
      if (!one.action.changes.empty())
        sent->advised.given.push_back({place_of(one.strategy, record), short_text(one)});
      sent->strategies.push_back(one.strategy);
      send(sent, one, *record.ended_at);
    }
    return {};
  };
  Status status;
  try {
    status = add();
  } catch (const std::exception& error) {
    status = fail(ErrorKind::fatal, error.what());
  }
  if (!status && status.error().kind != ErrorKind::fatal) return status;
  // Passed over, so that it is not in the way of those behind it.
  if (!status) spdlog::error("no recommendations for {}: {}", id, status.error().message);
  sent_.push_back(sent);
  return {};
}

void Advisor::send(const std::shared_ptr<Sent>& sent, const CostRecommendation& one,
                   Time ended_at) {
  sent->begin();
  const auto given = producer_.send(topics::recommendations, recommendation_record(one, ended_at),
                                    [sent](const Result<client::Delivery>& delivery) {
                                      sent->end(delivery ? "" : delivery.error().message);
                                    });
  if (!given) sent->end(given.error().message);
}

Status Advisor::settle(Partitions& partitions) {
  std::map<int, Change> changes;
  std::vector<std::shared_ptr<Sent>> settled;
  bool failed = false;
  std::erase_if(sent_, [&](const auto& sent) {
    const std::lock_guard lock(sent->mutex);
    if (sent->open > 0) return false;
    if (sent->error.empty()) {
      changes[sent->partition].advised.push_back(sent->advised);
      settled.push_back(sent);
    } else {
      failed = true;
      if (trouble_.begin_or_due())
        spdlog::warn("recommendations for {} are tried again: {}", sent->advised.id, sent->error);
    }
    return true;
  });
  if (!failed && !changes.empty()) trouble_.end();
  for (const auto& [number, change] : changes) {
    const auto found = partitions.find(number);
    if (found == partitions.end()) continue;  // its new owner finds them due
    if (auto status = store_.commit(found->second->claim, change); !status) return status;
  }
  for (const auto& sent : settled) count(*sent);
  return {};
}

void Advisor::count(const Sent& sent) {
  if (sent.covered) {
    metrics_
        .counter(
            "oppen_cost_forecasts_total",
            "Runs that have succeeded, by whether the interval of 95 % that each would have been "
            "forecast at its start from those before it held",
            {{"held", *sent.covered ? "yes" : "no"}})
        .add();
  }
  for (const auto& strategy : sent.strategies) {
    metrics_
        .counter("oppen_cost_recommendations_total", "Recommendations that were published",
                 {{"strategy", strategy}})
        .add();
  }
  for (const auto& one : sent.advised.followed) {
    metrics_
        .counter("oppen_cost_recommendations_followed_total",
                 "Recommendations that a later run has followed, and whether it saved as promised",
                 {{"strategy", one.strategy}, {"kept", one.kept ? "yes" : "no"}})
        .add();
  }
}

}  // namespace oppen::cost
