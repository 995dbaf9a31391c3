// Epochs of more than five minutes: 10 to 30 %, unless past runs show how much faster they can be.
#include <fmt/format.h>

#include "workers/cost/recommend/history.hpp"
#include "workers/cost/recommend/recommenders.hpp"

namespace oppen::cost {
namespace {

constexpr double long_epoch_seconds = 300;
constexpr double starved_gpu_percent = 50;
constexpr double saturated_cpu = 0.9;  // of the cores that it has

// The GPU waits for the processors that feed it.
bool waits_for_cpu(const RunRecord& run) {
  const double cores = static_cast<double>(run.resources.cpu_millicores) / 1000;
  return is_measured(run) && *run.gpu_utilization_percent < starved_gpu_percent && cores > 0 &&
         run.cpu_cores_mean.value_or(0) >= saturated_cpu * cores;
}

}  // namespace

std::optional<Advice> advise_training_efficiency(const Subject& subject) {
  const auto& run = subject.run;
  const auto seconds = epoch_seconds(run);
  if (run.workload_type != "training" || !seconds || *seconds <= long_epoch_seconds)
    return std::nullopt;
  const auto others = values(past_runs(subject,
                                       [&](const RunRecord& other) {
                                         return same_hardware(other, run) &&
                                                other.batch_size == run.batch_size &&
                                                other.precision == run.precision;
                                       }),
                             epoch_seconds);
  Advice advice;
  advice.evidence = {{"epoch_seconds", *seconds}, {"past_runs", others.size()}};
  if (others.size() >= enough_runs) {
    advice.low_percent = saving_percent(*seconds, median(others));
    advice.high_percent = saving_percent(*seconds, quantile(others, 0.25));
    advice.confidence = confidence_of(others.size());
    advice.because = fmt::format("{} past runs of the same configuration", others.size());
    advice.evidence["median_epoch_seconds"] = median(others);
    advice.description =
        fmt::format("An epoch took {:.0f} s, in past runs of the same configuration {:.0f} s.",
                    *seconds, median(others));
  } else {
    advice.low_percent = 10;
    advice.high_percent = 30;
    advice.because = "too few past runs of the same configuration";
    advice.evidence["prior"] = true;
    advice.description = fmt::format(
        "An epoch took {:.0f} s: look at how data is loaded and augmented, and at the size of the "
        "model.",
        *seconds);
  }
  advice.risk = "Work on the training code; a smaller model may be less accurate.";
  if (waits_for_cpu(run)) {
    advice.description += " The GPU waits for its processors: more of them would feed it.";
    advice.evidence["gpu_utilization_percent"] = *run.gpu_utilization_percent;
    advice.evidence["cpu_cores_mean"] = *run.cpu_cores_mean;
    advice.risk = "The processors cost, too.";
    advice.changes = {{"cpu", format_millicores(run.resources.cpu_millicores * 2)}};
  } else if (!run.job_id.empty()) {
    advice.command = "oppen logs " + run.job_id;
  }
  return advice;
}

}  // namespace oppen::cost
