#include "workers/cost/report/compare.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "schemas/commands.hpp"
#include "schemas/parse.hpp"
#include "workers/cost/report/history.hpp"
#include "workers/cost/report/start.hpp"

namespace oppen::cost {
namespace {

using nlohmann::json;

constexpr auto precision_label = "precision";

bool is_alike(const RunRecord& run, const JobSpec& spec) {
  const auto precision = spec.labels.find(precision_label);
  return run.batch_size == spec.batch_size.value_or(0) && on_as_many(run, spec) &&
         (spec.resources.gpu_type.empty() || spec.resources.gpu_type == run.gpu_type) &&
         (precision == spec.labels.end() || precision->second == run.precision);
}

class Mean {
 public:
  void take(const json& metrics, const char* name) {
    const auto found = metrics.find(name);
    if (found == metrics.end() || !found->is_number()) return;
    const double value = found->get<double>();
    if (!(value > 0) || !std::isfinite(value)) return;
    sum_ += value;
    ++count_;
  }
  std::optional<double> value() const {
    return count_ == 0 ? std::nullopt : std::optional(sum_ / count_);
  }

 private:
  double sum_ = 0;
  int count_ = 0;
};

void measure(Compared& into, const std::vector<RunRecord>& history) {
  Mean latency;
  Mean throughput;
  for (const RunRecord& run : history) {
    if (run.state != "succeeded" || !is_alike(run, into.spec)) continue;
    latency.take(run.metrics, "latency_p99_ms");
    throughput.take(run.metrics, "inferences_per_second");
    if (run.metrics.contains("latency_p99_ms") || run.metrics.contains("inferences_per_second"))
      ++into.measured_runs;
  }
  into.latency_p99_ms = latency.value();
  into.inferences_per_second = throughput.value();
  if (into.inferences_per_second)
    into.per_1000_inferences_microusd =
        static_cast<double>(into.hourly.value) / 3'600 / *into.inferences_per_second * 1'000;
}

// So that each is named by one name alone: those of the same name by their ids, too.
void tell_apart(std::vector<Compared>& all) {
  std::map<std::string, int> times;
  for (const Compared& one : all) ++times[one.name];
  for (Compared& one : all) {
    if (times[one.name] > 1) one.name += " (" + one.spec.job_id + ")";
  }
}

// The name of the one with the least, the first of several that have it, where at least two are known.
template <class Value>
std::optional<std::string> least(const std::vector<Compared>& all, const Value& value_of) {
  const Compared* best = nullptr;
  int known = 0;
  for (const Compared& one : all) {
    const std::optional<double> value = value_of(one);
    if (!value) continue;
    ++known;
    if (best == nullptr || *value < *value_of(*best)) best = &one;
  }
  return known < 2 ? std::nullopt : std::optional(best->name);
}

json configuration_json(const Compared& one) {
  json out = {
      {"name", one.name},
      {"job_id", one.spec.job_id},
      {"model_type", one.spec.model_type},
      {"epochs", one.spec.epochs.value_or(1)},
      {"batch_size", one.spec.batch_size.value_or(64)},
      {"resources", json::parse(to_text(JobSubmit{one.spec})).value("resources", json::object())},
      {"priority", to_string(one.spec.priority.value_or(Priority::normal))},
      {"spot", one.spec.spot},
      {"start", to_rfc3339(one.start)},
      {"basis", one.basis},
      {"history_runs", one.history_runs},
      {"seconds",
       {{"low", one.seconds.low}, {"expected", one.seconds.expected}, {"high", one.seconds.high}}},
      {"cost_microusd",
       {{"low", one.cost_low.value}, {"expected", one.cost.value}, {"high", one.cost_high.value}}},
      {"hourly_microusd", one.hourly.value},
      {"measured_runs", one.measured_runs},
      {"cut_short", one.cut_short}};
  const auto put = [&out](const char* name, const std::optional<double>& value) {
    if (value) out[name] = *value;
  };
  put("latency_p99_ms", one.latency_p99_ms);
  put("inferences_per_second", one.inferences_per_second);
  put("cost_per_1000_inferences_microusd", one.per_1000_inferences_microusd);
  return out;
}

}  // namespace

Result<Compared> look_at(const JobSpec& resolved, const std::vector<RunRecord>& history,
                         const plan::Policy& policy, const pricing::RateHistory& rates, Time now) {
  Compared one;
  one.spec = resolved;
  one.name = resolved.name.empty() ? resolved.job_id : resolved.name;
  const auto start = earliest_start(resolved.window, rates.at(now), now);
  if (!start) return fail(start.error());
  one.start = *start;

  const auto learned = learn(history, resolved);
  one.history_runs = learned.runs;
  one.basis = learned.runs > 0 ? (learned.alike ? "history" : "history_other_gpus")
              : policy.model_catalog.contains(resolved.model_type) ? "catalogue"
                                                                   : "default";
  one.seconds = left_by_duration(duration_of(learned, resolved, policy), 0);
  const auto limit = static_cast<double>(
      resolved.max_runtime_seconds.value_or(policy.default_max_runtime_seconds));
  one.cut_short = one.seconds.expected > limit;
  for (double* const bound : {&one.seconds.low, &one.seconds.expected, &one.seconds.high})
    *bound = std::min(*bound, limit);

  const pricing::Usage usage{plan::resources_of(resolved), "",
                             resolved.priority.value_or(Priority::normal), resolved.spot};
  const auto cost = [&](double seconds) {
    const auto end = one.start + std::chrono::milliseconds(std::llround(seconds * 1000));
    return rates.price(usage, one.start, end).total;
  };
  one.cost_low = cost(one.seconds.low);
  one.cost = cost(one.seconds.expected);
  one.cost_high = cost(one.seconds.high);
  one.hourly = pricing::hourly(usage, one.start, rates.at(one.start));
  measure(one, history);
  return one;
}

json to_json(std::vector<Compared> configurations, Time now) {
  tell_apart(configurations);
  json list = json::array();
  for (const Compared& one : configurations) list.push_back(configuration_json(one));
  json out = {{"as_of", to_rfc3339(now)},
              {"interval_percent", interval_percent},
              {"configurations", std::move(list)}};
  const auto put = [&](const char* name, const auto& value_of) {
    if (auto best = least(configurations, value_of)) out[name] = *std::move(best);
  };
  using Value = std::optional<double>;
  put("cheapest", [](const Compared& one) { return Value(static_cast<double>(one.cost.value)); });
  put("fastest", [](const Compared& one) { return Value(one.seconds.expected); });
  put("cheapest_per_inference",
      [](const Compared& one) { return one.per_1000_inferences_microusd; });
  put("least_latency", [](const Compared& one) { return one.latency_p99_ms; });
  return out;
}

}  // namespace oppen::cost
