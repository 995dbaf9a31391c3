#include "producers/mlflow/bridge.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "producers/mlflow/events.hpp"

namespace oppen::mlflow {
namespace {

using namespace std::chrono_literals;

// An end is dated by the clock of the training code's machine and told when it could be: so much later it may still come to the usual
// look. What comes later than that is found by the sweep.
constexpr auto late_ends = 1h;
constexpr std::size_t experiments_a_search = 100;
// Training goes on for longer than a lookback; what still runs after this is what nobody has ended.
constexpr auto longest_training = 365 * 24h;
// That a run was told is known for so long after no search has found it any more, should it be taken up again: as long as the topic keeps
// its records, so that a bridge that goes on knows no less than one that is started.
constexpr auto done_kept = 30 * 24h;

std::string since(const char* field, Time time) {
  return fmt::format("attributes.{} >= {}", field, time.time_since_epoch().count());
}

}  // namespace

Bridge::Bridge(Api& api, RunsTopic& topic, CostWriter* costs, Mapping mapping,
               BridgeOptions options, runtime::Metrics& metrics, runtime::Health& health)
    : api_(api),
      topic_(topic),
      costs_(costs),
      mapping_(std::move(mapping)),
      options_(std::move(options)),
      health_(health),
      completed_(metrics.counter("oppen_mlflow_events_total", "Events published, by type",
                                 {{"type", "run.completed"}})),
      progressed_(metrics.counter("oppen_mlflow_events_total", "Events published, by type",
                                  {{"type", "run.progress"}})),
      skipped_total_(metrics.counter("oppen_mlflow_runs_skipped_total",
                                     "Runs that could not be made an event; the log says why")),
      last_pass_(metrics.gauge("oppen_mlflow_last_pass_timestamp_seconds",
                               "When the last complete look at MLflow began")) {}

Status Bridge::pass(Time now) {
  pass_began_ = now;
  health_.beat();
  auto kafka = topic_.reachable();
  if (kafka && !knows_topic_) kafka = read_back();
  health_.set("kafka", kafka);
  if (!kafka) return kafka;

  const bool sweeps = !last_sweep_began_ || now < *last_sweep_began_ ||
                      now - *last_sweep_began_ >= options_.sweep_interval;
  seen_.clear();
  if (costs_ != nullptr) costs_->begin_pass(sweeps);
  const auto ids = experiment_ids();
  if (!ids) {
    health_.set("mlflow", fail(ids.error()));
    return fail(ids.error());
  }
  for (std::size_t i = 0; i < ids->size(); i += experiments_a_search) {
    const auto begin = ids->begin() + static_cast<std::ptrdiff_t>(i);
    const auto end =
        ids->begin() + static_cast<std::ptrdiff_t>(std::min(i + experiments_a_search, ids->size()));
    if (auto searched = search({begin, end}, sweeps); !searched) return searched;
  }
  health_.set("mlflow", {});
  if (costs_ != nullptr) costs_->end_pass();
  last_pass_began_ = now;
  last_pass_.set(static_cast<double>(now.time_since_epoch().count()) / 1000);
  std::erase_if(progress_, [this](const auto& entry) { return !seen_.contains(entry.first); });
  if (sweeps) {
    last_sweep_began_ = now;
    std::erase_if(skipped_, [this](const auto& entry) { return !seen_.contains(entry.first); });
    // What MLflow can still answer, this sweep has found.
    std::erase_if(done_, [now](const auto& entry) { return entry.second < now - done_kept; });
  }
  return {};
}

Status Bridge::read_back() {
  done_.clear();
  progress_.clear();
  auto read = topic_.read_back([this](const KafkaRecord& record) {
    auto published = published_in(record);
    if (published.kind == Published::Kind::completed) {
      progress_.erase(published.run_id);
      done_[std::move(published.run_id)] = pass_began_;
    } else if (published.kind == Published::Kind::progress && !done_.contains(published.run_id)) {
      progress_[published.run_id] = std::move(published.event_id);
    }
  });
  if (!read) return read;
  knows_topic_ = true;
  SPDLOG_INFO("{} runs have been told of before", done_.size());
  return {};
}

Result<std::vector<std::string>> Bridge::experiment_ids() {
  const auto all = active_experiments(api_);
  if (!all) return fail(all.error());
  std::vector<std::string> ids;
  std::set<std::string> missing(options_.experiments.begin(), options_.experiments.end());
  const bool any = missing.empty();
  for (const auto& experiment : *all) {
    if (any || missing.erase(experiment.name) > 0) ids.push_back(experiment.id);
  }
  if (missing.empty()) {
    missing_experiment_.end();
  } else if (missing_experiment_.begin_or_due()) {
    SPDLOG_WARN(
        "MLflow has no experiment \"{}\" that the bridge may read (OPPEN_MLFLOW_EXPERIMENTS)",
        fmt::join(missing, "\", \""));
  }
  return ids;
}

Status Bridge::search(const std::vector<std::string>& experiment_ids, bool sweeps) {
  const Time oldest = pass_began_ - options_.lookback;
  // A sweep also goes by the start, for it finds the ends without a time, which can't be told and are to be named.
  std::vector<std::string> filters = {
      "attributes.status = 'RUNNING' and " + since("start_time", pass_began_ - longest_training),
      "attributes.status != 'RUNNING' and " +
          since("end_time", sweeps ? oldest : std::max(oldest, *last_pass_began_ - late_ends))};
  if (sweeps)
    filters.push_back("attributes.status != 'RUNNING' and " + since("start_time", oldest));
  for (const auto& filter : filters) {
    bool kafka_failed = false;
    const auto searched = search_runs(api_, experiment_ids, filter, options_.page_size,
                                      [&](const std::vector<std::optional<Run>>& page) {
                                        health_.beat();
                                        auto taken = take(page);
                                        kafka_failed = !taken;
                                        if (taken && costs_ != nullptr) costs_->take(page);
                                        return taken;
                                      });
    if (searched) continue;
    health_.set(kafka_failed ? "kafka" : "mlflow", searched);
    return searched;
  }
  return {};
}

Status Bridge::take(const std::vector<std::optional<Run>>& page) {
  Events events;
  for (const auto& run : page) {
    if (!run) {
      skip({}, "MLflow tells of a run without run_id or status");
    } else if (const auto done = done_.find(run->id); done != done_.end()) {
      done->second = pass_began_;  // also of one that has been taken up again: it is told of once
    } else if (run->status == "RUNNING") {
      take_running(*run, events);
    } else if (run->status != "SCHEDULED") {
      take_ended(*run, events);
    }
  }
  return publish(events);
}

void Bridge::take_running(const Run& run, Events& events) {
  seen_.insert(run.id);
  const auto progress = mapping_.progress(run);
  if (!progress) return skip(run, sentences(progress.error()));
  if (!*progress) return;
  events.push_back(record_of(**progress));
  if (const auto last = progress_.find(run.id);
      last != progress_.end() && last->second == published_in(events.back()).event_id) {
    events.pop_back();
  }
}

void Bridge::take_ended(const Run& run, Events& events) {
  const auto completed = mapping_.completed(run);
  if (!completed) return skip(run, sentences(completed.error()));
  events.push_back(record_of(*completed));
}

// Once for each reason: the run is looked at again in every pass, since its owner may mend it.
void Bridge::skip(const Run& run, const std::string& reason) {
  seen_.insert(run.id);
  auto& before = skipped_[run.id];
  if (before == reason) return;
  before = reason;
  skipped_total_.add();
  SPDLOG_WARN("run {} is skipped: {}", run.id, reason);
}

Status Bridge::publish(const Events& events) {
  if (events.empty()) return {};
  const auto kept = topic_.publish(events);
  if (!kept) {
    knows_topic_ = false;
    return fail(kept.error());
  }
  for (std::size_t i = 0; i < events.size(); ++i) {
    auto published = published_in(events[i]);
    if (const auto& status = (*kept)[i]; !status) {
      Run run;
      run.id = published.run_id;
      skip(run, status.error().message);
    } else if (published.kind == Published::Kind::completed) {
      completed_.add();
      skipped_.erase(published.run_id);
      done_[std::move(published.run_id)] = pass_began_;
    } else {
      progressed_.add();
      progress_[published.run_id] = std::move(published.event_id);
    }
  }
  return {};
}

}  // namespace oppen::mlflow
