#include "producers/challenge/challenge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "producers/challenge/queueing.hpp"

namespace oppen::challenge {
namespace {

using nlohmann::json;

constexpr int usual_batch = 8;
constexpr int usual_slices = 4;
// How long another one has the GPU at a time: a GPU that at most eight share changes hands 480 times a second (NVIDIA Virtual GPU
// Software User Guide, "Time-sliced vGPU scheduling"); no figure is published for containers.
constexpr double slice_seconds = 1.0 / 480;
constexpr double seconds_per_hour = 3'600;
constexpr int hours_per_day = 24;

const Measured* measured_of(const Serving& setup, const std::vector<Measured>& measured) {
  const auto found = std::find_if(measured.begin(), measured.end(), [&](const Measured& one) {
    return one.gpu_type == setup.gpu_type && one.precision == setup.precision &&
           one.batch_size == setup.batch_size;
  });
  return found == measured.end() ? nullptr : &*found;
}

void compare(Outcome& step, const Outcome& before) {
  step.saving_percent =
      before.cost_per_1000_microusd > 0
          ? 100 * (1 - step.cost_per_1000_microusd / before.cost_per_1000_microusd)
          : 0;
  step.p99_change_ms = step.p99_ms - before.p99_ms;
  step.accuracy_change = step.accuracy_percent - before.accuracy_percent;
  step.roi = step.hourly_microusd > 0
                 ? step.saving_percent / (static_cast<double>(step.hourly_microusd) / 1e6)
                 : 0;
}

std::string why_not(const Outcome& step, const Outcome& baseline, const Workload& workload) {
  if (step.saving_percent <= 0) return "it saves nothing";
  if (step.p99_ms > workload.max_p99_ms)
    return fmt::format("its p99 is over {:g} ms", workload.max_p99_ms);
  if (step.accuracy_percent < least_accuracy_share * baseline.accuracy_percent)
    return "it loses over 1 % of the accuracy";
  return "";
}

}  // namespace

std::int64_t Prices::with_host(const std::string& type) const {
  const auto own = gpu_type.find(type);
  return (own == gpu_type.end() ? gpu : own->second) + cores_per_gpu * core + gib_per_gpu * gib;
}

Outcome evaluate(const Serving& setup, const Workload& workload, const Prices& prices) {
  const auto& network = resnet50();
  const auto* const known = measured_of(setup, workload.measured);
  const auto* const gpu = gpu_of(setup.gpu_type);
  const double service =
      known != nullptr ? known->batch_seconds
                       : batch_seconds(network, *gpu, setup.precision, setup.batch_size, engine());
  const double per_gpu = setup.batch_size / service;  // inferences a second
  const double slices = setup.time_slices;
  const double units = std::max(
      1.0, std::ceil(workload.requests_per_second / (target_load * per_gpu / slices) - 1e-9));

  Outcome outcome;
  outcome.setup = setup;
  outcome.measured = known != nullptr;
  outcome.gpus = units / slices;
  const double load = workload.requests_per_second / (outcome.gpus * per_gpu);
  outcome.load_percent = 100 * load;
  // Whole GPUs, and one of which it has a part; each takes of the requests by its share. The slowest is told of.
  const double part = std::fmod(units, slices);
  const double share = part == 0 ? 1 : part / slices;
  const double rate = load * per_gpu * share;
  const auto waits = latency(rate, setup.batch_size, service / share);
  const double others = part == 0 ? 0 : (slices - part) * slice_seconds;
  outcome.p50_ms = 1e3 * (waits->p50_seconds + others / 2);
  outcome.p99_ms = 1e3 * (waits->p99_seconds + others);
  outcome.hourly_microusd =
      std::llround(outcome.gpus * static_cast<double>(prices.with_host(setup.gpu_type)));
  outcome.cost_per_1000_microusd = static_cast<double>(outcome.hourly_microusd) * 1'000 /
                                   (workload.requests_per_second * seconds_per_hour);
  outcome.accuracy_percent = network.accuracy_percent[static_cast<std::size_t>(setup.precision)];
  if (known != nullptr && known->accuracy_percent)
    outcome.accuracy_percent = *known->accuracy_percent;
  return outcome;
}

Result run(const Workload& workload, const Prices& prices) {
  Result result;
  result.steps.push_back(evaluate({}, workload, prices));
  result.steps[0].name = "baseline";
  const Outcome baseline = result.steps[0];
  Outcome best = baseline;
  const auto look = [&](const std::string& name, const Serving& setup, const Outcome& before) {
    Outcome step = evaluate(setup, workload, prices);
    step.name = name;
    compare(step, before);
    step.why_not = why_not(step, baseline, workload);
    step.kept = step.why_not.empty();
    return step;
  };
  const auto attempt = [&](const std::string& name, const auto& change) {
    Serving setup = best.setup;
    change(setup);
    Outcome step = look(name, setup, best);
    if (step.kept) best = step;
    result.steps.push_back(std::move(step));
  };
  attempt(fmt::format("batch size {}", usual_batch),
          [](Serving& setup) { setup.batch_size = usual_batch; });
  attempt("FP16", [](Serving& setup) { setup.precision = Precision::fp16; });
  attempt("INT8", [](Serving& setup) { setup.precision = Precision::int8; });
  // Of the other types of GPU, the best alone is kept.
  std::vector<Outcome> types;
  for (const auto& gpu : gpus()) {
    if (gpu.type == baseline.setup.gpu_type) continue;
    Serving setup = best.setup;
    setup.gpu_type = gpu.type;
    types.push_back(look(gpu.type, setup, best));
  }
  const auto dearer = [](const Outcome& a, const Outcome& b) {
    return std::pair(a.kept, -a.hourly_microusd) < std::pair(b.kept, -b.hourly_microusd);
  };
  const auto chosen = std::max_element(types.begin(), types.end(), dearer);
  for (auto type = types.begin(); type != types.end(); ++type) {
    if (type == chosen || !type->kept) continue;
    type->kept = false;
    type->why_not = chosen->name + " saves more";
  }
  if (chosen->kept) best = *chosen;
  std::move(types.begin(), types.end(), std::back_inserter(result.steps));
  attempt(fmt::format("{} time slices", usual_slices),
          [](Serving& setup) { setup.time_slices = usual_slices; });

  for (const auto& one : workload.measured) {
    const bool used = std::any_of(
        result.steps.begin(), result.steps.end(),
        [&](const Outcome& step) { return measured_of(step.setup, workload.measured) == &one; });
    if (!used) result.unused.push_back(one);
  }

  result.sum = best;
  result.sum.name = "sum";
  compare(result.sum, baseline);
  result.saved_per_day_microusd = hours_per_day * (baseline.hourly_microusd - best.hourly_microusd);
  return result;
}

namespace {

json outcome_json(const Outcome& step) {
  json out = {{"name", step.name},
              {"gpu_type", step.setup.gpu_type},
              {"precision", to_string(step.setup.precision)},
              {"batch_size", step.setup.batch_size},
              {"time_slices", step.setup.time_slices},
              {"gpus", step.gpus},
              {"load_percent", step.load_percent},
              {"hourly_microusd", step.hourly_microusd},
              {"cost_per_1000_inferences_microusd", step.cost_per_1000_microusd},
              {"p50_ms", step.p50_ms},
              {"p99_ms", step.p99_ms},
              {"accuracy_percent", step.accuracy_percent},
              {"measured", step.measured},
              {"saving_percent", step.saving_percent},
              {"p99_change_ms", step.p99_change_ms},
              {"accuracy_change", step.accuracy_change},
              {"roi", step.roi},
              {"kept", step.kept}};
  if (!step.why_not.empty()) out["why_not"] = step.why_not;
  return out;
}

}  // namespace

json to_json(const Result& result, const Workload& workload, const Prices& prices) {
  json steps = json::array();
  for (const auto& step : result.steps) steps.push_back(outcome_json(step));
  json unused = json::array();
  for (const auto& one : result.unused) {
    unused.push_back({{"gpu_type", one.gpu_type},
                      {"precision", to_string(one.precision)},
                      {"batch_size", one.batch_size}});
  }
  return {{"network", resnet50().name},
          {"requests_per_second", workload.requests_per_second},
          {"max_p99_ms", workload.max_p99_ms},
          {"prices",
           {{"gpu_type_hourly_microusd", prices.gpu_type},
            {"gpu_hourly_microusd", prices.gpu},
            {"cpu_core_hourly_microusd", prices.core},
            {"memory_gib_hourly_microusd", prices.gib}}},
          {"steps", std::move(steps)},
          {"sum", outcome_json(result.sum)},
          {"saved_per_day_microusd", result.saved_per_day_microusd},
          {"unused_measured", std::move(unused)}};
}

}  // namespace oppen::challenge
