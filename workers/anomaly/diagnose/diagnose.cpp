#include "workers/anomaly/diagnose/diagnose.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace oppen::anomaly {
namespace {

// In this order where they explain a change equally well.
constexpr std::array dimensions{"team", "model_type", "project", "gpu_type", "namespace"};
constexpr std::size_t most_causes = 5;
constexpr double least_price_change = 0.05;
constexpr double part_told_apart = 0.15;  // of a value's change: its price, beside its quantity

// All of a value of a dimension.
struct Sum {
  std::string value;
  Split split;
  double before = 0, now = 0;
  double quantity_before = 0, quantity_now = 0;      // of what was there before and is now
  double continuing_before = 0, continuing_now = 0;  // its cost
  double jobs = 0;                                   // more at once
  double spot = 0, on_demand = 0;                    // more, in dollars
  double gpu = 0, all = 0;                           // of the growth, in dollars
  std::map<std::string, double> workloads;           // of the growth, in dollars
};

struct Parted {
  const WorkloadChange* change;
  Split split;
};

std::string text_of(const std::map<std::string, std::string>& place, const std::string& key) {
  const auto found = place.find(key);
  return found == place.end() ? "" : found->second;
}

// What is new has no price before: it is taken to have risen as that of the same GPU type (the Paasche index of what goes on).
std::vector<Parted> parted(const std::vector<WorkloadChange>& changes) {
  std::map<std::string, std::pair<double, double>> at_prices;  // of now and of before
  for (const auto& change : changes) {
    if (change.cost_before <= 0 || change.quantity_before <= 0) continue;
    auto& [now, before] = at_prices[text_of(change.place, "gpu_type")];
    now += change.cost_now;
    before += change.quantity_now * change.cost_before / change.quantity_before;
  }
  std::vector<Parted> list;
  for (const auto& change : changes) {
    auto& [of, split] = list.emplace_back(Parted{&change, split_of(change)});
    const auto [now, before] = at_prices[text_of(change.place, "gpu_type")];
    if (split.appeared <= 0 || now <= 0 || std::fabs(now - before) < least_price_change * before)
      continue;
    split.price = split.appeared * (1 - before / now);
    split.appeared -= split.price;
  }
  return list;
}

void add(Sum& sum, const Parted& parted) {
  const auto& [of, split] = parted;
  const WorkloadChange& change = *of;
  sum.split.price += split.price;
  sum.split.quantity += split.quantity;
  sum.split.appeared += split.appeared;
  sum.split.ended += split.ended;
  sum.before += change.cost_before;
  sum.now += change.cost_now;
  if (change.cost_before > 0 && change.cost_now > 0) {
    sum.continuing_before += change.cost_before;
    sum.continuing_now += change.cost_now;
    sum.quantity_before += change.quantity_before;
    sum.quantity_now += change.quantity_now;
  }
  sum.jobs += change.jobs_now - change.jobs_before;
  (change.spot ? sum.spot : sum.on_demand) += split.sum();
  const double growth = std::max(0.0, split.sum());
  const auto gpu_type = change.place.find("gpu_type");
  if (gpu_type != change.place.end() && !gpu_type->second.empty()) sum.gpu += growth;
  sum.all += growth;
  sum.workloads[change.workload_type] += growth;
}

std::vector<Sum> sums_by(const std::string& dimension, const std::vector<Parted>& changes) {
  std::map<std::string, Sum> sums;
  for (const auto& change : changes) {
    const auto value = text_of(change.change->place, dimension);
    auto& sum = sums[value];
    sum.value = value;
    add(sum, change);
  }
  std::vector<Sum> list;
  for (auto& [value, sum] : sums) list.push_back(std::move(sum));
  return list;
}

std::string counted(double count, const std::string& one, const std::string& many) {
  const auto whole = static_cast<std::int64_t>(std::llround(count));
  return fmt::format("{} {}", whole, whole == 1 ? one : many);
}

std::string named(const std::string& dimension, const std::string& value) {
  const auto what = dimension == "model_type" ? "model"
                    : dimension == "gpu_type" ? "GPU type"
                                              : dimension;
  return value.empty() ? fmt::format("no {}", what) : fmt::format("{} {}", what, value);
}

std::string why_price(const std::string& dimension, const Sum& sum, const Seen& seen) {
  double percent = 0;
  if (sum.quantity_before > 0 && sum.quantity_now > 0 && sum.continuing_before > 0)
    percent =
        100 *
        (sum.continuing_now / sum.quantity_now / (sum.continuing_before / sum.quantity_before) - 1);
  return fmt::format("price of {} {} {:.0f} %{}", named(dimension, sum.value),
                     percent < 0 ? "fell" : "rose", std::fabs(percent),
                     seen.price_changed ? ": the prices were changed" : "");
}

std::string why_quantity(const std::string& dimension, const Sum& sum, const Seen& seen) {
  const auto of = " of " + named(dimension, sum.value);
  const double change = sum.split.sum() - sum.split.price;
  if (change < 0) return "less spent" + of;
  if (sum.spot < 0 && sum.on_demand > -sum.spot) return "on-demand nodes instead of spot" + of;
  if (seen.requeued >= 3 && seen.requeued >= sum.jobs)
    return counted(seen.requeued, "retry", "retries") + of +
           (seen.gpu_faults >= 1 ? ", with GPU faults" : "");
  // What runs at once says how many of the started ones are more than usual.
  const double jobs = sum.jobs >= 0.5 ? sum.jobs : 0;
  if (std::max(jobs, seen.started) < 0.5) return "longer and larger jobs" + of;
  const auto workload =
      std::max_element(sum.workloads.begin(), sum.workloads.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  const auto kind = fmt::format("new {}{}", 2 * sum.gpu > sum.all ? "GPU " : "",
                                workload->first.empty() ? "" : workload->first + " ");
  return counted(jobs >= 0.5 ? jobs : seen.started, kind + "job", kind + "jobs") +
         " started unexpectedly" + of;
}

struct Choice {
  std::string dimension;
  std::vector<Sum> sums;
  bool by_price = false;
};

// The dimension one value of which explains most of the change, and more of it than its part of what is usually spent lets expect: the
// "surprise" of Bhagwan et al. 2014, "Adtributor: Revenue debugging in advertising systems".
Choice choose(const Question& question, const std::vector<Parted>& parts, double change) {
  double price = 0;
  for (const auto& one : parts) price += one.split.price;
  Choice best;
  best.by_price = price > change / 2;
  double most = -2;
  for (const std::string dimension : dimensions) {
    const bool priced = best.by_price && dimension == "gpu_type";
    if (question.about.contains(dimension) && question.changes.size() > 1 && !priced) continue;
    auto sums = sums_by(dimension, parts);
    double before = 0;
    for (const auto& sum : sums) before += sum.before;
    double surprise = -1;
    for (const auto& sum : sums) {
      if (sum.value.empty()) continue;
      const double part = (best.by_price ? sum.split.price : sum.split.sum()) / change;
      // Half of what is more than all of it: the rest works against it.
      const double explains = part > 1 ? 1 : part;
      surprise = std::max(surprise, explains - (before > 0 ? sum.before / before : 0));
    }
    // Prices are set by GPU type.
    if (priced && surprise > -1) surprise = 2;
    // What runs where says little of why, if who runs it says nearly as much.
    if (!priced && (dimension == "gpu_type" || dimension == "namespace")) surprise -= 0.25;
    if (surprise > most + 1e-6) {
      most = surprise;
      best.dimension = dimension;
      best.sums = std::move(sums);
    }
  }
  return best;
}

std::optional<Remedy> remedy_for(const Question& question, const Choice& choice) {
  if (choice.by_price) return std::nullopt;
  double more = 0;
  for (const auto& change : question.changes)
    more += std::max(0.0, change.jobs_now - change.jobs_before);
  const double limit = std::max(1.0, std::round(question.jobs_at_once - more));
  const double fewer = question.jobs_at_once - limit;
  const double excess = question.actual_day - question.expected_day;
  if (more < 0.5 || fewer < 0.5 || excess <= 0) return std::nullopt;
  const double saved = excess * std::min(1.0, fewer / more);
  Remedy remedy;
  remedy.limit = static_cast<int>(limit);
  remedy.summary = limit_text(remedy.limit, question.actual_day - saved);
  remedy.predicted_savings = {std::llround(saved * 1e6)};
  remedy.changes = {{"key", "max_concurrent_jobs"},
                    {"value", fmt::format("{:.0f}", limit)},
                    {"until", to_rfc3339(question.until)}};
  remedy.evidence = {{"jobs_at_once", question.jobs_at_once},
                     {"more_than_usual", more},
                     {"by", "rate"},
                     {"expected_microusd", std::llround(question.expected_day * 1e6)},
                     {"actual_microusd", std::llround(question.actual_day * 1e6)}};
  return remedy;
}

}  // namespace

std::string limit_text(int limit, double dollars_a_day) {
  return fmt::format("limit parallel jobs to {}: back to ${:.0f} over the next day", limit,
                     std::max(0.0, dollars_a_day));
}

Diagnosis diagnose(const Question& question,
                   const std::map<std::pair<std::string, std::string>, Seen>& seen) {
  Diagnosis diagnosis;
  double change = 0;
  const auto parts = parted(question.changes);
  for (const auto& one : parts) change += one.split.sum();
  if (change == 0) return diagnosis;
  const Choice choice = choose(question, parts, change);
  for (const auto& sum : choice.sums) {
    const auto found = seen.find({choice.dimension, sum.value});
    Seen of = found == seen.end() ? Seen{} : found->second;
    if (const auto everywhere = seen.find({"", ""}); everywhere != seen.end())
      of.price_changed = of.price_changed || everywhere->second.price_changed;
    const double all = sum.split.sum(), price = sum.split.price;
    const bool apart = std::fabs(price) > part_told_apart * std::fabs(all);
    const bool rest = !apart || std::fabs(all - price) > part_told_apart * std::fabs(all);
    const double of_price = rest ? price : all;
    if (apart)
      diagnosis.causes.push_back(
          {choice.dimension, sum.value, of_price / change, why_price(choice.dimension, sum, of)});
    if (rest)
      diagnosis.causes.push_back({choice.dimension, sum.value, (apart ? all - price : all) / change,
                                  why_quantity(choice.dimension, sum, of)});
  }
  auto& causes = diagnosis.causes;
  std::stable_sort(causes.begin(), causes.end(),
                   [](const auto& a, const auto& b) { return a.share > b.share; });
  if (causes.size() > most_causes) {
    Alert::Cause rest{choice.dimension, "(other)", 0, "all others together"};
    for (std::size_t i = most_causes - 1; i < causes.size(); ++i) rest.share += causes[i].share;
    causes.resize(most_causes - 1);
    causes.push_back(rest);
  }
  diagnosis.remedy = remedy_for(question, choice);
  return diagnosis;
}

}  // namespace oppen::anomaly
