// A lower precision, where somebody has tried one with this model type: nothing else says what it saves and costs in accuracy.
#include <fmt/format.h>

#include <map>

#include "workers/cost/recommend/history.hpp"
#include "workers/cost/recommend/recommenders.hpp"

namespace oppen::cost {
namespace {

std::string precision_of(const RunRecord& run) {
  return run.precision.empty() ? "fp32" : run.precision;
}

// The time of what is done: of an inference, else of an epoch.
std::optional<double> seconds_of_work(const RunRecord& run) {
  if (run.workload_type != "inference") return epoch_seconds(run);
  const auto rate = number(run, "inferences_per_second");
  return rate && *rate > 0 ? std::optional(1 / *rate) : std::nullopt;
}

int bits_of(const std::string& precision) {
  if (precision == "fp32") return 32;
  if (precision == "fp16" || precision == "bf16") return 16;
  return precision == "int8" || precision == "fp8" ? 8 : 0;
}

}  // namespace

std::optional<Advice> advise_quantization(const Subject& subject) {
  const auto& run = subject.run;
  const auto now = seconds_of_work(run);
  if (!now || !has_gpu(run)) return std::nullopt;
  std::map<std::string, std::vector<const RunRecord*>> by_precision;
  for (const auto* other : past_runs(subject, [&](const RunRecord& other) {
         const int bits = bits_of(precision_of(other));
         return bits > 0 && bits < bits_of(precision_of(run)) && same_hardware(other, run) &&
                other.batch_size == run.batch_size && seconds_of_work(other);
       }))
    by_precision[precision_of(*other)].push_back(other);
  std::optional<Advice> best;
  for (const auto& [precision, runs] : by_precision) {
    const auto times = values(runs, seconds_of_work);
    const double low = saving_percent(*now, quantile(times, 0.75));
    if (low <= (best ? best->low_percent : 0)) continue;
    Advice& advice = best.emplace();
    advice.low_percent = low;
    advice.high_percent = saving_percent(*now, quantile(times, 0.25));
    advice.confidence = confidence_of(runs.size());
    advice.because = fmt::format("{} past runs with it", runs.size());
    advice.description =
        fmt::format("{} instead of {}: past runs did the same work in {:.0f} % of the time.",
                    precision, precision_of(run), median(times) / *now * 100);
    advice.risk = "The accuracy may suffer.";
    advice.evidence = {{"precision", precision_of(run)}, {"past_runs", runs.size()}};
    const auto reached = accuracy(run);
    if (const auto there = values(runs, accuracy); reached && !there.empty()) {
      advice.evidence["accuracy_lost"] = *reached - median(there);
      advice.risk = fmt::format("The accuracy was {:.1f} % with it, not {:.1f} %.",
                                median(there) * 100, *reached * 100);
    }
    advice.changes = {{"env", {{"PRECISION", precision}}}};
  }
  return best;
}

}  // namespace oppen::cost
