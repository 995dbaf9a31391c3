#include "workers/cost/recommend/followed.hpp"

#include <cmath>

#include "workers/cost/pricing/off_peak.hpp"
#include "workers/cost/recommend/history.hpp"

namespace oppen::cost {
namespace {

using nlohmann::json;

constexpr double nearly_all = 0.9;  // of an off-peak run lies in the window: it may end after it

bool ran_off_peak(const RunRecord& run, const pricing::CostModel& model) {
  if (!run.started_at || !run.ended_at || *run.ended_at <= *run.started_at) return false;
  return static_cast<double>(
             pricing::off_peak_within(*run.started_at, *run.ended_at, model).count()) >=
         nearly_all * static_cast<double>((*run.ended_at - *run.started_at).count());
}

// What of a run a recommendation may change, by the fields of `changes`.
json settings_of(const RunRecord& run, const pricing::CostModel& model) {
  const auto& resources = run.resources;
  return {{"batch_size", run.batch_size},
          {"epochs", run.epochs},
          {"spot", run.spot},
          {"window", ran_off_peak(run, model) ? "off_peak" : "any"},
          {"gpu_type", run.gpu_type},
          {"gpus", resources.gpu_share ? 0 : resources.gpus},
          {"gpu_share", resources.gpu_share ? json(*resources.gpu_share) : json()},
          {"cpu", format_millicores(resources.cpu_millicores)},
          {"memory", format_bytes(resources.memory_bytes)},
          {"priority", to_string(run.priority)},
          {"env", {{"PRECISION", run.precision.empty() ? "fp32" : run.precision}}}};
}

double cost_to_compare(const RunRecord& run, bool of_an_epoch) {
  const auto total = static_cast<double>(run.spent.total_microusd);
  const int epochs = run.epochs_done > 0 ? run.epochs_done : run.epochs;
  return of_an_epoch ? total / epochs : total;
}

bool is_later(const RunRecord& first, const RunRecord& later) {
  const bool same_work =
      first.model_type == later.model_type && (first.name.empty() || first.name == later.name);
  return same_work && later.state == "succeeded" && first.ended_at && later.started_at &&
         *later.started_at >= *first.ended_at && first.spent.total_microusd > 0;
}

}  // namespace

std::optional<FollowedBy> followed_by(const CostRecommendation& recommendation,
                                      const RunRecord& first, const RunRecord& later,
                                      const pricing::CostModel& model) {
  const auto& changes = recommendation.action.changes;
  if (!changes.is_object() || changes.empty() || !is_later(first, later)) return std::nullopt;
  const json before = settings_of(first, model);
  const json after = settings_of(later, model);
  const bool of_an_epoch = !changes.contains("epochs") && first.epochs > 0 && later.epochs > 0;
  FollowedBy outcome;
  outcome.alone = true;
  for (const auto& [field, value] : after.items()) {
    if (const auto wanted = changes.find(field); wanted != changes.end()) {
      if (value != *wanted) return std::nullopt;
      continue;
    }
    const bool follows = (field == "gpus" && changes.contains("gpu_share")) ||
                         (field == "epochs" && of_an_epoch);  // that is what is compared
    if (value != before[field] && !follows) outcome.alone = false;
  }
  outcome.recommendation_id = recommendation.recommendation_id;
  outcome.strategy = recommendation.strategy;
  outcome.run = later.job_id.empty() ? later.run_id : later.job_id;
  const double cost_before = cost_to_compare(first, of_an_epoch);
  const double saved = cost_before - cost_to_compare(later, of_an_epoch);
  outcome.saved_percent = saved / cost_before * 100;
  outcome.saved_microusd =
      std::llround(static_cast<double>(first.spent.total_microusd) * outcome.saved_percent / 100);
  outcome.kept = outcome.saved_percent >= recommendation.savings_percent.low * 0.9;
  return outcome;
}

void TrackRecord::add(const FollowedBy& outcome) {
  if (!outcome.alone) return;
  ++followed;
  if (outcome.kept) ++kept;
  saved_percent_sum += outcome.saved_percent;
}

std::string encode(const TrackRecords& records) {
  json object = json::object();
  for (const auto& [strategy, record] : records)
    object[strategy] = {record.followed, record.kept, record.saved_percent_sum};
  return object.dump();
}

Result<TrackRecords> decode_track_records(std::string_view text) try {
  TrackRecords records;
  for (const auto& [strategy, record] : json::parse(text).get<json::object_t>())
    records[strategy] = {record.at(0).get<int>(), record.at(1).get<int>(),
                         record.at(2).get<double>()};
  return records;
} catch (const json::exception& error) {
  return fail(ErrorKind::fatal,
              "the stored record of recommendations is malformed: " + std::string(error.what()));
}

}  // namespace oppen::cost
