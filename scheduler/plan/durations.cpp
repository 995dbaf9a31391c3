#include "scheduler/plan/durations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "scheduler/plan/draw.hpp"

namespace oppen::plan {
namespace {

constexpr double weight_of_above = 2;
constexpr double weight_of_prior = 1;
constexpr double catalogue_variance = 0.5 * 0.5;
constexpr double stranger_variance = 2 * 2;  // of a model type that the catalogue lacks
constexpr double limit_part = 0.5;           // of max_runtime_seconds
constexpr double limit_variance = 1;
constexpr double overhead_seconds = 1;
constexpr double overhead_variance = 1;
constexpr double least_overhead_seconds = 0.1;
constexpr double most_runs = 64;

constexpr auto overhead_key = "||";  // no model type has a '|'

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
std::string limit_key_of(const JobSpec& resolved) { return "|" + resolved.model_type; }

}  // namespace

// Of a logarithm.
struct Durations::Belief {
  double centre = 0;
  double variance = 0;
  double weight = weight_of_prior;
  double runs = 0;  // of the last cell that had any

  double variance_of_centre() const { return variance / (weight + runs); }
};

void Durations::Cell::add(double value) {
  if (runs >= most_runs) {
    squares *= (most_runs - 1) / runs;
    runs = most_runs - 1;
  }
  // Welford's method.
  const double off = value - mean;
  runs += 1;
  mean += off / runs;
  squares += off * (value - mean);
}

std::vector<Durations::Change> Durations::observe(const JobSpec& resolved, bool own_limit,
                                                  const std::string& gpu_type, double seconds) {
  if (!(seconds > 0) || !std::isfinite(seconds)) return {};
  std::vector<Change> changes;
  ++runs_;
  const auto add = [&](std::string key, double value) {
    changes.push_back(add_to(std::move(key), value));
  };
  const double value = std::log(seconds / work_of(resolved));
  auto keys = keys_of(resolved, gpu_type);
  add(std::move(keys.model), value);
  add(std::move(keys.on_type), value);
  add(std::move(keys.exact), value);
  if (!gpu_type.empty()) add(keys_of(resolved, "").exact, value);
  if (own_limit && resolved.max_runtime_seconds)
    add(limit_key_of(resolved),
        std::log(seconds / static_cast<double>(*resolved.max_runtime_seconds)));
  while (cells_.size() > most_cells) forget_oldest(changes);
  return changes;
}

Durations::Change Durations::add_to(std::string key, double value) {
  auto& cell = cells_[key];
  cell.add(value);
  cell.last = runs_;
  auto text = fmt::format("{:.0f} {:.9g} {:.9g} {}", cell.runs, cell.mean, cell.squares, cell.last);
  return {std::move(key), std::move(text)};
}

std::vector<Durations::Change> Durations::observe_overhead(double seconds) {
  if (!std::isfinite(seconds)) return {};
  return {add_to(overhead_key, std::log(std::max(seconds, least_overhead_seconds)))};
}

LogNormal Durations::overhead() const {
  if (!cells_.contains(overhead_key)) return {};
  Belief belief;
  belief.centre = std::log(overhead_seconds);
  belief.variance = overhead_variance;
  learn(belief, overhead_key);
  return {std::exp(belief.centre), std::sqrt(belief.variance),
          std::sqrt(belief.variance_of_centre())};
}

void Durations::forget_oldest(std::vector<Change>& changes) {
  const auto oldest =
      std::min_element(cells_.begin(), cells_.end(),
                       [](const auto& a, const auto& b) { return a.second.last < b.second.last; });
  changes.push_back({oldest->first, ""});
  cells_.erase(oldest);
}

void Durations::learn(Belief& belief, const std::string& key) const {
  const auto found = cells_.find(key);
  if (found == cells_.end()) return;
  const auto& cell = found->second;
  const double weight = belief.weight;
  const double both = weight + cell.runs;
  const double off = cell.mean - belief.centre;
  belief.variance =
      (weight * belief.variance + cell.squares + weight * cell.runs / both * off * off) / both;
  belief.centre = (weight * belief.centre + cell.runs * cell.mean) / both;
  belief.weight = weight_of_above;
  belief.runs = cell.runs;
}

Durations::Belief Durations::belief_by_work(const JobSpec& resolved, const Policy& policy) const {
  const auto known = policy.model_catalog.find(resolved.model_type);
  Belief belief;
  if (known == policy.model_catalog.end()) {
    belief.centre = std::log(ModelEntry().seconds_per_epoch);
    belief.variance = stranger_variance;
  } else {
    belief.centre = std::log(known->second.seconds_per_epoch);
    belief.variance = catalogue_variance;
  }
  const auto keys = keys_of(resolved, resolved.resources.gpu_type);
  for (const auto* key : {&keys.model, &keys.on_type, &keys.exact}) learn(belief, *key);
  belief.centre += std::log(work_of(resolved));
  return belief;
}

Durations::Belief Durations::belief_by_limit(const JobSpec& resolved) const {
  Belief belief;
  belief.centre = std::log(limit_part);
  belief.variance = limit_variance;
  learn(belief, limit_key_of(resolved));
  belief.centre += std::log(static_cast<double>(*resolved.max_runtime_seconds));
  return belief;
}

Estimate Durations::estimate(const JobSpec& resolved, bool own_limit, const Policy& policy) const {
  auto belief = belief_by_work(resolved, policy);
  if (own_limit && resolved.max_runtime_seconds) {
    const auto other = belief_by_limit(resolved);
    if (other.variance + other.variance_of_centre() < belief.variance + belief.variance_of_centre())
      belief = other;
  }
  Estimate estimate;
  estimate.spread = std::sqrt(belief.variance);
  estimate.doubt = std::sqrt(belief.variance_of_centre());
  const auto limit = static_cast<double>(
      resolved.max_runtime_seconds.value_or(policy.default_max_runtime_seconds));
  const double p50 = std::exp(belief.centre);
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
