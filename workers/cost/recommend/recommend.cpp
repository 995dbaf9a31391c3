#include "workers/cost/recommend/recommend.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "workers/cost/recommend/command.hpp"
#include "workers/cost/recommend/history.hpp"
#include "workers/cost/recommend/recommenders.hpp"

namespace oppen::cost {
namespace {

struct Recommender {
  const char* strategy;
  std::optional<Advice> (*advise)(const Subject&);
};
constexpr Recommender recommenders[] = {
    {"batch_size", advise_batch_size},
    {"training_efficiency", advise_training_efficiency},
    {"off_peak", advise_off_peak},
    {"spot", advise_spot},
    {"early_stopping", advise_early_stopping},
    {"gpu_type", advise_gpu_type},
    {"quantization", advise_quantization},
    {"gpu_sharing", advise_gpu_sharing},
    {"right_size", advise_right_size},
};
constexpr double least_saving_percent = 1;

const char* word_of(Confidence confidence) {
  switch (confidence) {
    case Confidence::high:
      return "high";
    case Confidence::medium:
      return "medium";
    case Confidence::low:
      break;
  }
  return "low";
}

double tenths(double percent) { return std::round(percent * 10) / 10; }

bool enough(const TrackRecord& record) { return record.followed >= static_cast<int>(enough_runs); }

// What was followed often enough moves the confidence by one step: up where two of three kept what was promised, down where two of
// three did not.
void add_record(Advice& advice, const TrackRecord& record) {
  int step = static_cast<int>(advice.confidence);
  if (enough(record) && record.kept * 3 >= record.followed * 2) {
    ++step;
  } else if (enough(record) && record.kept * 3 <= record.followed) {
    --step;
  }
  advice.confidence = static_cast<Confidence>(std::clamp(step, 0, 2));
  advice.because += fmt::format("; followed {} times, {} of them saved what was promised",
                                record.followed, record.kept);
  advice.evidence["followed"] = record.followed;
  advice.evidence["kept"] = record.kept;
  advice.evidence["saved_percent_mean"] = tenths(record.mean_saved_percent());
}

CostRecommendation event_of(const RunRecord& run, const char* strategy, Advice advice) {
  CostRecommendation event;
  event.job_id = run.job_id;
  event.run_id = run.run_id;
  event.team = run.team;
  event.project = run.project;
  event.strategy = strategy;
  event.recommendation_id =
      fmt::format("rec-{}-{}", run.job_id.empty() ? run.run_id : run.job_id, strategy);
  std::replace(event.recommendation_id.begin(), event.recommendation_id.end(), '_', '-');
  event.description = std::move(advice.description);
  event.savings_percent = {tenths(advice.low_percent), tenths(advice.high_percent)};
  const auto amount = [&run](double percent) {
    return MicroUsd{std::llround(static_cast<double>(run.spent.total_microusd) * percent / 100)};
  };
  event.savings = {amount(advice.low_percent), amount(advice.high_percent)};
  event.confidence = word_of(advice.confidence);
  event.risk = std::move(advice.risk);
  event.evidence = std::move(advice.evidence);
  event.evidence["confidence_because"] = std::move(advice.because);
  event.action.command =
      advice.changes.empty() ? std::move(advice.command) : submit_command(run, advice.changes);
  event.action.changes = std::move(advice.changes);
  return event;
}

}  // namespace

const std::vector<std::string>& strategies() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto& [strategy, advise] : recommenders) all.emplace_back(strategy);
    return all;
  }();
  return names;
}

std::vector<CostRecommendation> recommend(const Subject& subject) {
  std::vector<CostRecommendation> found;
  const auto& run = subject.run;
  if (run.state != "succeeded" || run.spent.total_microusd <= 0) return found;
  for (const auto& [strategy, advise] : recommenders) {
    auto advice = advise(subject);
    if (!advice || advice->high_percent < least_saving_percent) continue;
    const auto record = subject.followed.find(strategy);
    if (record != subject.followed.end() && record->second.followed > 0) {
      if (enough(record->second) && record->second.mean_saved_percent() <= 0) continue;
      add_record(*advice, record->second);
    }
    found.push_back(event_of(run, strategy, std::move(*advice)));
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.savings.high > b.savings.high; });
  return found;
}

}  // namespace oppen::cost
