#include "producers/cli/challenge_text.hpp"

#include <fmt/format.h>

#include <cmath>

#include "producers/access/dashboard_text.hpp"
#include "producers/access/render.hpp"
#include "producers/challenge/published.hpp"

namespace oppen::cli {
namespace {

using namespace access;

using challenge::Outcome;

std::string per_thousand(double microusd) { return fmt::format("${:.6f}", microusd / 1e6); }

std::string signed_number(double value, int decimals, const char* unit) {
  // Not "-0.0".
  const double scale = std::pow(10, decimals);
  const double rounded = std::round(value * scale) / scale;
  return fmt::format("{:+.{}f}{}", rounded == 0 ? 0 : rounded, decimals, unit);
}

std::string setup_text(const challenge::Serving& setup) {
  return fmt::format("{} {} b{}{}", setup.gpu_type, challenge::to_string(setup.precision),
                     setup.batch_size, setup.time_slices > 1 ? " shared" : "");
}

std::vector<std::string> outcome_row(const Outcome& step, bool is_baseline) {
  return {step.name + (step.measured ? "*" : ""),
          setup_text(step.setup),
          fmt::format("{:g}", step.gpus),
          to_string(MicroUsd{step.hourly_microusd}),
          per_thousand(step.cost_per_1000_microusd),
          is_baseline ? "" : signed_number(-step.saving_percent, 1, " %"),
          fmt::format("{:.1f}", step.p50_ms),
          fmt::format("{:.1f}", step.p99_ms),
          fmt::format("{:.2f} %", step.accuracy_percent),
          is_baseline ? "" : fmt::format("{:.1f}", step.roi),
          step.kept ? "kept" : "no"};
}

}  // namespace

std::string challenge_text(const challenge::Result& result, const challenge::Workload& workload,
                           const std::string& prices_from, int width) {
  std::string out =
      wrapped(fmt::format("{} serving {:g} inferences a second, p99 at most {:g} ms. {}",
                          challenge::resnet50().name, workload.requests_per_second,
                          workload.max_p99_ms, prices_from),
              0, width);
  out += "\n\n";
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = 0; i < result.steps.size(); ++i) {
    rows.push_back(outcome_row(result.steps[i], i == 0));
  }
  rows.push_back(outcome_row(result.sum, false));
  rows.back().back() = "";
  out += table({{"STEP"},
                {"SETUP", false, 6},
                {"GPUS", true, 3},
                {"PER HOUR", true},
                {"PER 1000", true, 4},
                {"COST", true},
                {"P50 MS", true, 5},
                {"P99 MS", true},
                {"ACCURACY", true, 1},
                {"ROI", true, 2},
                {""}},
               std::move(rows), width);
  out += '\n';
  for (const auto& step : result.steps) {
    if (!step.kept)
      out += wrapped(fmt::format("Not kept: {}, as {}.", step.name, step.why_not), 2, width) + '\n';
  }
  for (const auto& one : result.unused) {
    out += wrapped(fmt::format("Measured and not used: {} {} b{}, which no step has, or which is "
                               "in the list before.",
                               one.gpu_type, challenge::to_string(one.precision), one.batch_size),
                   2, width) +
           '\n';
  }
  const auto& sum = result.sum;
  out += wrapped(fmt::format(
                     "In all {} an hour instead of {}: {} a day less, {:.1f} %. p99 {}, accuracy "
                     "{}.",
                     to_string(MicroUsd{sum.hourly_microusd}),
                     to_string(MicroUsd{result.steps.front().hourly_microusd}),
                     to_string(MicroUsd{result.saved_per_day_microusd}), sum.saving_percent,
                     signed_number(sum.p99_change_ms, 1, " ms"),
                     signed_number(sum.accuracy_change, 2, " points")),
                 0, width) +
         '\n';
  out += wrapped(
             "COST is against the last step that was kept, ROI the saving in percent per dollar of "
             "the hour that is left. Simulated, except for what is marked * as measured; oppen "
             "challenge --check says how far the model is off.",
             0, width) +
         '\n';
  return out;
}

std::string published_text(int width) {
  std::vector<std::vector<std::string>> rows;
  double worst = 0;
  double sum = 0;
  for (const auto& result : challenge::published()) {
    const double error = challenge::error_percent(result);
    worst = std::max(worst, std::abs(error));
    sum += std::abs(error);
    rows.push_back({result.gpu_type, std::string(challenge::to_string(result.precision)),
                    std::to_string(result.batch_size), result.runtime->name,
                    fmt::format("{:.2f}", result.batch_ms),
                    fmt::format("{:.2f}", challenge::model_ms(result)),
                    signed_number(error, 0, " %"), result.source});
  }
  const auto count = static_cast<double>(rows.size());
  return table({{"GPU"},
                {"PRECISION"},
                {"BATCH", true},
                {"RUNTIME", false, 2},
                {"PUBLISHED MS", true},
                {"MODEL MS", true},
                {"OFF", true},
                {"SOURCE", false, 1}},
               std::move(rows), width) +
         fmt::format("\nOff by {:.0f} % on average, by {:.0f} % at most.\n", sum / count, worst);
}

}  // namespace oppen::cli
