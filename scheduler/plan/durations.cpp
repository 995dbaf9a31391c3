#include "scheduler/plan/durations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "scheduler/plan/draw.hpp"

namespace oppen::plan {
namespace {

constexpr double weight_of_above = 2;
constexpr double weight_of_catalogue = 1;
constexpr double catalogue_variance = 0.5 * 0.5;
constexpr double most_runs = 64;

// What the seconds per epoch at batch size 64 are multiplied by.
double work_of(const JobSpec& resolved) {
  return std::max(1, resolved.epochs.value_or(1)) * 64.0 /
         std::max(1, resolved.batch_size.value_or(64));
}

// From the widest to the exact one. A label value has no '|'.
struct Keys {
  std::string model;
  std::string on_type;
  std::string exact;
};
Keys keys_of(const JobSpec& resolved, const std::string& gpu_type) {
  return {resolved.model_type, resolved.model_type + "|" + gpu_type,
          fmt::format("{}|{}|{}|{}", resolved.model_type, gpu_type, resolved.epochs.value_or(1),
                      resolved.batch_size.value_or(64))};
}

}  // namespace

std::vector<Durations::Change> Durations::observe(const JobSpec& resolved,
                                                  const std::string& gpu_type, double seconds) {
  if (!(seconds > 0) || !std::isfinite(seconds)) return {};
  const double value = std::log(seconds / work_of(resolved));
  const auto keys = keys_of(resolved, gpu_type);
  std::vector<std::string> touched{keys.model, keys.on_type, keys.exact};
  if (!gpu_type.empty()) touched.push_back(keys_of(resolved, "").exact);

  std::vector<Change> changes;
  ++runs_;
  for (auto& key : touched) {
    auto& cell = cells_[key];
    if (cell.runs >= most_runs) {
      cell.squares *= (most_runs - 1) / cell.runs;
      cell.runs = most_runs - 1;
    }
    // Welford's method.
    const double off = value - cell.mean;
    cell.runs += 1;
    cell.mean += off / cell.runs;
    cell.squares += off * (value - cell.mean);
    cell.last = runs_;
    changes.push_back({std::move(key), fmt::format("{:.0f} {:.9g} {:.9g} {}", cell.runs, cell.mean,
                                                   cell.squares, cell.last)});
  }
  while (cells_.size() > most_cells) forget_oldest(changes);
  return changes;
}

void Durations::forget_oldest(std::vector<Change>& changes) {
  const auto oldest =
      std::min_element(cells_.begin(), cells_.end(),
                       [](const auto& a, const auto& b) { return a.second.last < b.second.last; });
  changes.push_back({oldest->first, ""});
  cells_.erase(oldest);
}

Estimate Durations::estimate(const JobSpec& resolved, const Policy& policy) const {
  const auto known = policy.model_catalog.find(resolved.model_type);
  const ModelEntry unknown;
  const auto& entry = known == policy.model_catalog.end() ? unknown : known->second;
  double centre = std::log(entry.seconds_per_epoch);
  double variance = catalogue_variance;
  double weight = weight_of_catalogue;
  double runs = 0;  // of the last level that had any

  const auto keys = keys_of(resolved, resolved.resources.gpu_type);
  for (const auto* key : {&keys.model, &keys.on_type, &keys.exact}) {
    const auto found = cells_.find(*key);
    if (found == cells_.end()) continue;
    const auto& cell = found->second;
    const double both = weight + cell.runs;
    const double off = cell.mean - centre;
    variance = (weight * variance + cell.squares + weight * cell.runs / both * off * off) / both;
    centre = (weight * centre + cell.runs * cell.mean) / both;
    weight = weight_of_above;
    runs = cell.runs;
  }
  Estimate estimate;
  estimate.spread = std::sqrt(variance);
  estimate.doubt = std::sqrt(variance / (weight + runs));
  const auto limit = static_cast<double>(
      resolved.max_runtime_seconds.value_or(policy.default_max_runtime_seconds));
  const double p50 = std::exp(centre) * work_of(resolved);
  estimate.p50_seconds = std::min(p50, limit);
  estimate.p90_seconds =
      std::min(p50 * std::exp(z90 * std::hypot(estimate.spread, estimate.doubt)), limit);
  return estimate;
}

bool Durations::load(const std::string& key, std::string_view text) {
  Cell cell;
  int length = 0;
  long long last = 0;
  const std::string whole(text);
  if (std::sscanf(whole.c_str(), "%lf %lf %lf %lld%n", &cell.runs, &cell.mean, &cell.squares, &last,
                  &length) != 4 ||
      static_cast<std::size_t>(length) != whole.size())
    return false;
  const auto sound = std::isfinite(cell.mean) && cell.runs >= 1 && cell.runs <= most_runs &&
                     cell.squares >= 0 && std::isfinite(cell.squares);
  if (!sound || key.empty()) return false;
  cell.last = last;
  runs_ = std::max(runs_, cell.last);
  cells_[key] = cell;
  return true;
}

}  // namespace oppen::plan
