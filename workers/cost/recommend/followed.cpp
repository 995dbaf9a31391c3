#include "workers/cost/recommend/followed.hpp"

#include <cmath>

#include "workers/cost/pricing/off_peak.hpp"
#include "workers/cost/recommend/history.hpp"

namespace oppen::cost {
namespace {

using nlohmann::json;

constexpr double nearly_all = 0.9;  // of an off-peak run lies in the window: it may end after it
constexpr auto mixed_hours = "both";

// How it is priced by the time of day: two runs of mixed hours may be priced in different ways.
const char* hours_of(const RunRecord& run, const pricing::RateHistory& rates) {
  if (!run.started_at || !run.ended_at || *run.ended_at <= *run.started_at) return mixed_hours;
  const auto within =
      pricing::off_peak_within(*run.started_at, *run.ended_at, rates.at(*run.started_at));
  const double share = static_cast<double>(within.count()) /
                       static_cast<double>((*run.ended_at - *run.started_at).count());
  if (share >= nearly_all) return "off_peak";
  return share <= 1 - nearly_all ? "any" : mixed_hours;
}

// What of a run a recommendation may change, by the fields of `changes`.
json settings_of(const RunRecord& run, const pricing::RateHistory& rates) {
  const auto& resources = run.resources;
  return {{"batch_size", run.batch_size},
          {"epochs", run.epochs},
          {"spot", run.spot},
          {"window", hours_of(run, rates)},
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

json work_of(const RunRecord& run) {
  return {run.model_type, own_name(run), run.team, run.project, run.workload_type};
}

bool is_later(const RunRecord& first, const RunRecord& later) {
  return work_of(first) == work_of(later) && later.state == "succeeded" && first.ended_at &&
         later.started_at && later.ended_at && *later.started_at >= *first.ended_at &&
         first.started_at && first.spent.total_microusd > 0;
}

bool same_rates(const RunRecord& first, const RunRecord& later, const pricing::RateHistory& rates) {
  const auto& model = rates.at(*first.started_at);
  return model == rates.at(*first.ended_at) && model == rates.at(*later.started_at) &&
         model == rates.at(*later.ended_at);
}

}  // namespace

std::optional<FollowedBy> followed_by(const CostRecommendation& recommendation,
                                      const RunRecord& first, const RunRecord& later,
                                      const pricing::RateHistory& rates) {
  const auto& changes = recommendation.action.changes;
  if (!changes.is_object() || changes.empty() || !is_later(first, later)) return std::nullopt;
  const json before = settings_of(first, rates);
  const json after = settings_of(later, rates);
  const bool of_an_epoch = !changes.contains("epochs") && first.epochs > 0 && later.epochs > 0;
  FollowedBy outcome;
  outcome.alone = same_rates(first, later, rates);
  for (const auto& [field, value] : after.items()) {
    if (const auto wanted = changes.find(field); wanted != changes.end()) {
      if (value != *wanted) return std::nullopt;
      continue;
    }
    const bool follows = (field == "gpus" && changes.contains("gpu_share")) ||
                         (field == "epochs" && of_an_epoch);  // that is what is compared
    const bool same = value == before[field] && value != mixed_hours;
    if (!same && !follows) outcome.alone = false;
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

std::string own_name(const RunRecord& run) { return run.name == run.job_id ? "" : run.name; }

std::string place_of(std::string_view strategy, const RunRecord& run) {
  return std::string(strategy) + ' ' +
         work_of(run).dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string short_text(const CostRecommendation& recommendation) {
  return json{recommendation.recommendation_id, recommendation.job_id, recommendation.run_id,
              recommendation.savings_percent.low, recommendation.action.changes}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<CostRecommendation> read_short(std::string_view strategy, std::string_view text) try {
  const auto from = json::parse(text);
  CostRecommendation recommendation;
  recommendation.strategy = strategy;
  from.at(0).get_to(recommendation.recommendation_id);
  from.at(1).get_to(recommendation.job_id);
  from.at(2).get_to(recommendation.run_id);
  from.at(3).get_to(recommendation.savings_percent.low);
  recommendation.action.changes = from.at(4);
  return recommendation;
} catch (const json::exception& error) {
  return fail(ErrorKind::fatal,
              "the stored recommendation is malformed: " + std::string(error.what()));
}

}  // namespace oppen::cost
