// Another GPU: what past runs on it took and cost, else a cheaper one where most of this one was idle.
#include <fmt/format.h>

#include <map>

#include "workers/cost/pricing/config_map.hpp"
#include "workers/cost/recommend/history.hpp"
#include "workers/cost/recommend/recommenders.hpp"

namespace oppen::cost {
namespace {

constexpr double idle_percent = 50;  // the highest mean of an interval stayed below
constexpr double weaker_takes =
    1.25;  // what the low end allows a weaker GPU, where nothing is known of it

double hourly_with(const Subject& subject, const std::string& gpu_type) {
  pricing::Usage usage;
  usage.resources = subject.run.resources;
  usage.gpu_type = gpu_type;
  pricing::CostModel model = subject.model;
  model.off_peak_multiplier = pricing::million;  // the full price, whatever the hour
  return static_cast<double>(pricing::hourly(usage, Time{}, model).value);
}

}  // namespace

std::optional<Advice> advise_gpu_type(const Subject& subject) {
  const auto& run = subject.run;
  const auto seconds = epoch_seconds(run);
  if (!has_gpu(run) || run.gpu_type.empty() || !seconds) return std::nullopt;
  std::map<std::string, std::vector<double>> by_type;
  for (const auto* other : past_runs(subject, [&](const RunRecord& other) {
         return other.gpu_type != run.gpu_type && !other.gpu_type.empty() &&
                other.resources.gpus == run.resources.gpus &&
                other.resources.gpu_share == run.resources.gpu_share &&
                other.batch_size == run.batch_size && other.precision == run.precision;
       })) {
    if (const auto other_seconds = epoch_seconds(*other))
      by_type[other->gpu_type].push_back(*other_seconds);
  }
  const double now = *seconds * hourly_with(subject, run.gpu_type);
  Advice best;
  std::string type;
  for (const auto& [other, times] : by_type) {
    const double hourly = hourly_with(subject, other);
    const double high = saving_percent(now, quantile(times, 0.25) * hourly);
    const double low = saving_percent(now, quantile(times, 0.75) * hourly);
    if (low <= best.low_percent) continue;
    type = other;
    best.low_percent = low;
    best.high_percent = high;
    best.confidence = confidence_of(times.size());
    best.because = fmt::format("{} past runs on it", times.size());
    best.description = fmt::format(
        "{} instead of {}: past runs took {:.1f} s an epoch on it, not {:.1f} s, at ${:.2f} an "
        "hour, not ${:.2f}.",
        other, run.gpu_type, median(times), *seconds, hourly / 1e6,
        hourly_with(subject, run.gpu_type) / 1e6);
    best.evidence = {{"past_runs", times.size()}, {"epoch_seconds_there", median(times)}};
    best.risk = "Not all that ran here need fit its memory.";
  }
  if (type.empty() && is_measured(run) && *run.gpu_utilization_max_percent <= idle_percent) {
    for (const auto& [other, rate] : subject.model.gpu_type_hourly) {
      if (by_type.contains(other)) continue;  // tried, and it saved nothing
      const double low = saving_percent(hourly_with(subject, run.gpu_type),
                                        hourly_with(subject, other) * weaker_takes);
      if (low <= best.low_percent) continue;
      type = other;
      best.low_percent = low;
      best.high_percent =
          saving_percent(hourly_with(subject, run.gpu_type), hourly_with(subject, other));
    }
    best.because = "nobody has tried it with this model type";
    best.description = fmt::format("{} was never busier than {:.0f} %: {} is cheaper.",
                                   run.gpu_type, *run.gpu_utilization_max_percent, type);
    best.evidence = {{"gpu_utilization_max_percent", *run.gpu_utilization_max_percent},
                     {"prior", true}};
    best.risk = "It is weaker and may have less memory; the low end allows a quarter more time.";
  }
  if (type.empty()) return std::nullopt;
  best.evidence["epoch_seconds"] = *seconds;
  best.changes = {{"gpu_type", type}};
  return best;
}

}  // namespace oppen::cost
