#include "workers/cost/worker/advisor.hpp"

#include <exception>
#include <mutex>

#include "schemas/parse.hpp"
#include "schemas/topics.hpp"
#include "workers/cost/recommend/recommend.hpp"

namespace oppen::cost {
namespace {

constexpr auto look_every = std::chrono::seconds(1);
// Each takes some milliseconds of Redis: together at most a tenth of the worker's time.
constexpr std::size_t most_runs_a_look = 10;

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
  std::string id;
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

Advisor::Advisor(client::Producer& producer, LedgerStore& store, runtime::Redis& redis,
                 const std::string& topic_prefix, const pricing::RateHistory& rates,
                 runtime::Metrics& metrics)
    : producer_(producer),
      store_(store),
      books_(redis, topic_prefix),
      rates_(rates),
      metrics_(metrics) {}

Status Advisor::turn(std::map<int, std::unique_ptr<Partition>>& partitions, Time now) {
  if (!sent_.empty()) return settle(partitions);
  if (std::chrono::steady_clock::now() < next_look_) return {};
  next_look_ = std::chrono::steady_clock::now() + look_every;
  return look(partitions, now);
}

Status Advisor::look(const std::map<int, std::unique_ptr<Partition>>& partitions, Time now) {
  std::size_t room = most_runs_a_look;
  for (const auto& [number, partition] : partitions) {
    if (room == 0) break;
    const auto due = store_.due_for_advice(number, now, room);
    if (!due) return fail(due.error());
    for (const auto& id : *due) {
      if (auto status = advise(number, id, now); !status) return status;
    }
    room -= due->size();
  }
  return {};
}

Result<Advisor::Found> Advisor::savings_on(const std::string& id, Time now) {
  const auto run = books_.run(id);
  if (!run) return fail(run.error());
  if (!*run || !(*run)->ended_at) return Found{};  // it is not kept any more, or runs again
  const auto history = books_.history((*run)->model_type, most_past_runs);
  if (!history) return fail(history.error());
  try {
    const TrackRecords followed;
    return Found{*(*run)->ended_at, recommend({**run, *history, rates_.at(now), {}, followed})};
  } catch (const std::exception& error) {
    return fail(ErrorKind::fatal, error.what());
  }
}

Status Advisor::advise(int partition, const std::string& id, Time now) {
  const auto what = savings_on(id, now);
  if (!what && what.error().kind != ErrorKind::fatal) return fail(what.error());
  const auto sent = std::make_shared<Sent>();
  sent->partition = partition;
  sent->id = id;
  sent_.push_back(sent);
  if (!what) {
    spdlog::error("no recommendations for {}: {}", id, what.error().message);
    return {};
  }
  for (const auto& one : what->all) {
    sent->begin();
    const auto given =
        producer_.send(topics::recommendations, recommendation_record(one, what->ended_at),
                       [sent](const Result<client::Delivery>& delivery) {
                         sent->end(delivery ? "" : delivery.error().message);
                       });
    if (!given) sent->end(given.error().message);
    metrics_
        .counter("oppen_cost_recommendations_total", "Recommendations that were sent",
                 {{"strategy", one.strategy}})
        .add();
  }
  return {};
}

Status Advisor::settle(std::map<int, std::unique_ptr<Partition>>& partitions) {
  std::map<int, Change> changes;
  bool failed = false;
  std::erase_if(sent_, [&](const auto& sent) {
    const std::lock_guard lock(sent->mutex);
    if (sent->open > 0) return false;
    if (sent->error.empty()) {
      changes[sent->partition].advised.push_back(sent->id);
    } else {
      failed = true;
      if (trouble_.begin_or_due())
        spdlog::warn("recommendations for {} are tried again: {}", sent->id, sent->error);
    }
    return true;
  });
  if (!failed && !changes.empty()) trouble_.end();
  for (const auto& [number, change] : changes) {
    const auto found = partitions.find(number);
    if (found == partitions.end()) continue;  // its new owner finds them due
    if (auto status = store_.commit(found->second->claim, change); !status) return status;
  }
  return {};
}

}  // namespace oppen::cost
