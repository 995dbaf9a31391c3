// Fewer cores and less memory, where telemetry shows that they were never used, by this run or by any like it.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "workers/cost/recommend/history.hpp"
#include "workers/cost/recommend/recommenders.hpp"

namespace oppen::cost {
namespace {

constexpr double headroom = 1.25;                              // over the most that was used
constexpr std::int64_t core_step = 250;                        // millicores
constexpr std::int64_t memory_step = std::int64_t{256} << 20;  // bytes

// In whole steps, and not above what it has.
std::int64_t enough_of(double used, std::int64_t step, std::int64_t has) {
  const double steps = std::ceil(used * headroom / static_cast<double>(step));
  return std::min(has, std::max<std::int64_t>(1, static_cast<std::int64_t>(steps)) * step);
}

double cost_of(std::int64_t spent, std::int64_t instead, std::int64_t has) {
  return has <= 0
             ? 0
             : static_cast<double>(spent) * static_cast<double>(instead) / static_cast<double>(has);
}

}  // namespace

std::optional<Advice> advise_right_size(const Subject& subject) {
  const auto& run = subject.run;
  if (!run.cpu_cores_max || !run.memory_max_bytes) return std::nullopt;
  double cores = *run.cpu_cores_max;
  double memory = *run.memory_max_bytes;
  const auto like = past_runs(subject, [&](const RunRecord& other) {
    return other.batch_size == run.batch_size && other.cpu_cores_max && other.memory_max_bytes;
  });
  for (const auto* other : like) {
    cores = std::max(cores, *other->cpu_cores_max);
    memory = std::max(memory, *other->memory_max_bytes);
  }
  const auto cpu = enough_of(cores * 1000, core_step, run.resources.cpu_millicores);
  const auto bytes = enough_of(memory, memory_step, run.resources.memory_bytes);
  const auto& spent = run.spent;
  const double instead = static_cast<double>(spent.gpu_microusd) +
                         cost_of(spent.cpu_microusd, cpu, run.resources.cpu_millicores) +
                         cost_of(spent.memory_microusd, bytes, run.resources.memory_bytes);
  Advice advice;
  advice.low_percent = advice.high_percent =
      saving_percent(static_cast<double>(spent.total_microusd), instead);
  advice.confidence = confidence_of(like.size() + 1);
  advice.because =
      fmt::format("the most that {} measured runs with this batch size used", like.size() + 1);
  advice.description = fmt::format(
      "It used {:.1f} cores and {} of memory at most: {} and {} are enough.", cores,
      format_bytes(static_cast<std::int64_t>(memory)), format_millicores(cpu), format_bytes(bytes));
  advice.risk = "A peak between two samples isn't seen; without enough memory it is killed.";
  advice.evidence = {
      {"cpu_cores_max", cores}, {"memory_max_bytes", memory}, {"measured_runs", like.size() + 1}};
  if (cpu < run.resources.cpu_millicores) advice.changes["cpu"] = format_millicores(cpu);
  if (bytes < run.resources.memory_bytes) advice.changes["memory"] = format_bytes(bytes);
  return advice.changes.empty() ? std::nullopt : std::optional(advice);
}

}  // namespace oppen::cost
