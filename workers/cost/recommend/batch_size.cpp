// A larger batch: from 64 on 128 to 256, 15 to 20 %, unless past runs with other batch sizes show better.
#include <fmt/format.h>

#include <map>

#include "workers/cost/recommend/history.hpp"
#include "workers/cost/recommend/recommenders.hpp"

namespace oppen::cost {
namespace {

constexpr int largest_guess = 256;   // the prior goes no further
constexpr double busy_percent = 90;  // the GPU has no room for more at once
constexpr double worse_accuracy = 0.005;

struct Tried {
  std::vector<double> seconds;
  std::vector<double> accuracies;
};

std::map<int, Tried> tried_sizes(const Subject& subject) {
  std::map<int, Tried> tried;
  const auto add = [&tried](const RunRecord& run) {
    if (const auto seconds = epoch_seconds(run)) tried[run.batch_size].seconds.push_back(*seconds);
    if (const auto reached = accuracy(run)) tried[run.batch_size].accuracies.push_back(*reached);
  };
  for (const auto* run : past_runs(subject, [&](const RunRecord& run) {
         return run.batch_size > 0 && same_hardware(run, subject.run) &&
                run.precision == subject.run.precision;
       }))
    add(*run);
  add(subject.run);
  return tried;
}

std::optional<Advice> from_tried(const Subject& subject, const std::map<int, Tried>& tried) {
  const auto now = tried.find(subject.run.batch_size);
  if (now == tried.end() || now->second.seconds.empty()) return std::nullopt;
  const double seconds = median(now->second.seconds);
  const auto* best = &*now;
  for (const auto& size : tried) {
    if (size.second.seconds.size() >= enough_runs &&
        median(size.second.seconds) < median(best->second.seconds))
      best = &size;
  }
  if (best == &*now) return std::nullopt;
  const auto& [size, shown] = *best;
  Advice advice;
  advice.low_percent = saving_percent(seconds, quantile(shown.seconds, 0.75));
  advice.high_percent = saving_percent(seconds, quantile(shown.seconds, 0.25));
  advice.confidence = confidence_of(shown.seconds.size());
  advice.because = fmt::format("{} past runs with that batch size", shown.seconds.size());
  advice.description = fmt::format(
      "Batch size {} instead of {}: past runs took {:.1f} s an epoch with it, not {:.1f} s.", size,
      subject.run.batch_size, median(shown.seconds), seconds);
  advice.risk = "It takes more memory, and may need another learning rate.";
  if (!shown.accuracies.empty() && !now->second.accuracies.empty()) {
    const double loss = median(now->second.accuracies) - median(shown.accuracies);
    advice.evidence["accuracy_lost"] = loss;
    if (loss > worse_accuracy) {
      advice.confidence = Confidence::low;
      advice.because += ", which reached less accuracy";
    }
  }
  for (const auto& [tried_size, with] : tried) {
    if (with.seconds.empty()) continue;
    advice.evidence["tried"][std::to_string(tried_size)] = {
        {"runs", with.seconds.size()}, {"epoch_seconds", median(with.seconds)}};
  }
  advice.changes = {{"batch_size", size}};
  return advice;
}

std::optional<Advice> prior_batch(const Subject& subject) {
  const auto& run = subject.run;
  const int next = run.batch_size * 2;
  if (next > largest_guess) return std::nullopt;
  if (is_measured(run) && *run.gpu_utilization_percent >= busy_percent) return std::nullopt;
  Advice advice;
  advice.low_percent = 15;
  advice.high_percent = 20;
  advice.description = fmt::format("Batch size {} is small: {} to {} use the GPU better.",
                                   run.batch_size, next, largest_guess);
  advice.confidence = is_measured(run) ? Confidence::medium : Confidence::low;
  advice.because = is_measured(run) ? fmt::format("the GPU was busy {:.0f} % of the time",
                                                  *run.gpu_utilization_percent)
                                    : "too few past runs, and nothing was measured";
  if (run.gpu_utilization_percent)
    advice.evidence["gpu_utilization_percent"] = *run.gpu_utilization_percent;
  advice.risk = "It takes more memory, and may need another learning rate.";
  advice.evidence["batch_size"] = run.batch_size;
  advice.evidence["prior"] = true;
  advice.changes = {{"batch_size", next}};
  return advice;
}

}  // namespace

std::optional<Advice> advise_batch_size(const Subject& subject) {
  if (subject.run.batch_size <= 0 || !has_gpu(subject.run)) return std::nullopt;
  const auto tried = tried_sizes(subject);
  if (auto advice = from_tried(subject, tried)) return advice;
  // Sizes above this one that have been tried often enough, and did not help, speak against the prior.
  for (auto above = tried.upper_bound(subject.run.batch_size); above != tried.end(); ++above)
    if (above->second.seconds.size() >= enough_runs) return std::nullopt;
  return prior_batch(subject);
}

}  // namespace oppen::cost
