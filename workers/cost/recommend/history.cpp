#include "workers/cost/recommend/history.hpp"

#include <algorithm>
#include <cmath>

namespace oppen::cost {

Confidence confidence_of(std::size_t runs) {
  return runs >= many_runs     ? Confidence::high
         : runs >= enough_runs ? Confidence::medium
                               : Confidence::low;
}

double saving_percent(double now, double instead) {
  return now <= 0 ? 0 : std::max(0.0, (1 - instead / now) * 100);
}

std::optional<double> epoch_seconds(const RunRecord& run) {
  if (!run.epoch_seconds.empty()) return median(run.epoch_seconds);
  const int epochs = run.epochs_done > 0 ? run.epochs_done : run.epochs;
  if (epochs <= 0 || run.run_seconds <= 0) return std::nullopt;
  return run.run_seconds / epochs;
}

std::optional<double> number(const RunRecord& run, const char* metric) {
  if (!run.metrics.is_object()) return std::nullopt;
  const auto found = run.metrics.find(metric);
  if (found == run.metrics.end() || !found->is_number()) return std::nullopt;
  const auto value = found->get<double>();
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

std::optional<double> accuracy(const RunRecord& run) {
  const auto told = number(run, "accuracy");
  if (!told || *told < 0 || *told > 100) return std::nullopt;
  return *told > 1 ? *told / 100 : *told;
}

std::vector<const RunRecord*> past_runs(const Subject& subject,
                                        const std::function<bool(const RunRecord&)>& like) {
  std::vector<const RunRecord*> found;
  for (const auto& run : subject.history) {
    const bool itself = run.job_id == subject.run.job_id && run.run_id == subject.run.run_id;
    if (!itself && run.state == "succeeded" && run.model_type == subject.run.model_type &&
        run.workload_type == subject.run.workload_type && like(run))
      found.push_back(&run);
  }
  return found;
}

bool same_hardware(const RunRecord& a, const RunRecord& b) {
  return a.gpu_type == b.gpu_type && a.resources.gpus == b.resources.gpus &&
         a.resources.gpu_share == b.resources.gpu_share;
}

std::vector<double> values(const std::vector<const RunRecord*>& runs,
                           const std::function<std::optional<double>(const RunRecord&)>& of) {
  std::vector<double> found;
  for (const auto* run : runs)
    if (const auto value = of(*run)) found.push_back(*value);
  return found;
}

double quantile(std::vector<double> sorted_or_not, double at) {
  std::sort(sorted_or_not.begin(), sorted_or_not.end());
  const double place = at * static_cast<double>(sorted_or_not.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const auto above = std::min(below + 1, sorted_or_not.size() - 1);
  return std::lerp(sorted_or_not[below], sorted_or_not[above], place - std::floor(place));
}

double median(std::vector<double> sorted_or_not) { return quantile(std::move(sorted_or_not), 0.5); }

bool has_gpu(const RunRecord& run) { return run.resources.gpus > 0 || run.resources.gpu_share; }

bool is_measured(const RunRecord& run) {
  return run.gpu_utilization_percent && run.gpu_utilization_max_percent &&
         run.spent.measured_microusd * 2 >= run.spent.gpu_microusd;
}

}  // namespace oppen::cost
