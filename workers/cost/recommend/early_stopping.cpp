// Epochs after which nothing gets better: seen epoch by epoch, else in shorter past runs, else guessed from 95 % accuracy.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "workers/cost/recommend/history.hpp"
#include "workers/cost/recommend/recommenders.hpp"

namespace oppen::cost {
namespace {

constexpr double good_accuracy = 0.95;
constexpr double no_gain = 0.001;  // of accuracy: a tenth of a percentage point
constexpr int patience = 2;        // epochs that whoever stops early waits for a gain
constexpr int fewest_epochs = 3;

int epochs_of(const RunRecord& run) { return run.epochs_done > 0 ? run.epochs_done : run.epochs; }

// After how many epochs there was no gain any more.
int plateau(std::span<const double> by_epoch) {
  const double best = *std::max_element(by_epoch.begin(), by_epoch.end());
  const double scale = best > 1 ? 100 : 1;  // it was told in percent
  const auto first = std::find_if(by_epoch.begin(), by_epoch.end(),
                                  [&](double value) { return value >= best - no_gain * scale; });
  return static_cast<int>(first - by_epoch.begin()) + 1;
}

Advice fewer(const RunRecord& run, int epochs) {
  Advice advice;
  advice.low_percent = advice.high_percent = saving_percent(epochs_of(run), epochs);
  advice.risk = "A rise that comes late is missed.";
  advice.evidence = {{"epochs", epochs_of(run)}};
  if (const auto reached = accuracy(run)) advice.evidence["accuracy"] = *reached;
  advice.changes = {{"epochs", epochs}};
  return advice;
}

std::optional<Advice> from_epochs(const Subject& subject) {
  const int flat = plateau(subject.accuracy_by_epoch);
  const int epochs = std::min(flat + patience, epochs_of(subject.run));
  if (epochs >= epochs_of(subject.run)) return std::nullopt;
  Advice advice = fewer(subject.run, epochs);
  advice.high_percent = saving_percent(epochs_of(subject.run), flat);
  advice.confidence = Confidence::high;
  advice.because = "seen epoch by epoch";
  advice.evidence["plateau_epoch"] = flat;
  advice.description = fmt::format("After epoch {} of {} the accuracy did not rise any more.", flat,
                                   epochs_of(subject.run));
  return advice;
}

std::optional<Advice> from_shorter(const RunRecord& run, const std::vector<double>& epochs) {
  const int usual = static_cast<int>(std::ceil(median(epochs)));
  if (usual >= epochs_of(run)) return std::nullopt;
  Advice advice = fewer(run, usual);
  advice.high_percent = saving_percent(epochs_of(run), quantile(epochs, 0.25));
  advice.confidence = confidence_of(epochs.size());
  advice.because = fmt::format("{} past runs with fewer epochs were as accurate", epochs.size());
  advice.evidence["past_runs"] = epochs.size();
  advice.description = fmt::format("Past runs reached the same accuracy in {} epochs.", usual);
  return advice;
}

}  // namespace

std::optional<Advice> advise_early_stopping(const Subject& subject) {
  const auto& run = subject.run;
  const int epochs = epochs_of(run);
  if (run.workload_type != "training" || epochs < fewest_epochs) return std::nullopt;
  if (static_cast<int>(subject.accuracy_by_epoch.size()) == epochs) return from_epochs(subject);
  const auto reached = accuracy(run);
  if (!reached) return std::nullopt;
  const auto as_good =
      values(past_runs(subject,
                       [&](const RunRecord& other) {
                         return epochs_of(other) > 0 && epochs_of(other) < epochs &&
                                accuracy(other).value_or(0) >= *reached - no_gain;
                       }),
             [](const RunRecord& other) -> std::optional<double> { return epochs_of(other); });
  if (as_good.size() >= enough_runs) return from_shorter(run, as_good);
  if (*reached < good_accuracy) return std::nullopt;
  Advice advice = fewer(run, static_cast<int>(epochs * 0.8));
  advice.low_percent = 20;
  advice.high_percent = 40;
  advice.because = "only the final accuracy is known: publish run.progress";
  advice.evidence["prior"] = true;
  advice.description = fmt::format(
      "The accuracy is {:.1f} % already: stop early, or use a smaller model.", *reached * 100);
  return advice;
}

}  // namespace oppen::cost
