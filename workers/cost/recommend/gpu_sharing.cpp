// A part of a GPU, where telemetry shows that the rest of it was idle.
#include <fmt/format.h>

#include "workers/cost/recommend/history.hpp"
#include "workers/cost/recommend/recommenders.hpp"

namespace oppen::cost {
namespace {

constexpr double shares[] = {0.25, 0.5};  // of four and of two pods on a device
constexpr double room = 1.2;              // over the highest mean of an interval
constexpr double neighbours_take = 1.1;         // what the low end allows neighbours to take

}  // namespace

std::optional<Advice> advise_gpu_sharing(const Subject& subject) {
  const auto& run = subject.run;
  if (run.resources.gpus != 1 || run.resources.gpu_share || !is_measured(run)) return std::nullopt;
  const double highest = *run.gpu_utilization_max_percent;
  for (const double share : shares) {
    if (share * 100 < highest * room) continue;
    const auto total = static_cast<double>(run.spent.total_microusd);
    const double instead = total - static_cast<double>(run.spent.gpu_microusd) * (1 - share);
    Advice advice;
    advice.low_percent = saving_percent(total, instead * neighbours_take);
    advice.high_percent = saving_percent(total, instead);
    advice.confidence = Confidence::medium;
    advice.because = fmt::format(
        "the GPU was never busier than {:.0f} %; what neighbours do to it is not known", highest);
    advice.description = fmt::format(
        "{:g} of a GPU would have been enough: it was busy {:.0f} % of the time, {:.0f} % at most.",
        share, *run.gpu_utilization_percent, highest);
    advice.risk =
        "Neighbours may slow it down, and memory is shared; the low end allows a tenth more time.";
    advice.evidence = {{"gpu_utilization_percent", *run.gpu_utilization_percent},
                       {"gpu_utilization_max_percent", highest},
                       {"utilization_source", run.utilization_source}};
    if (run.gpu_memory_max_mb) advice.evidence["gpu_memory_max_mb"] = *run.gpu_memory_max_mb;
    advice.changes = {{"gpu_share", share}};
    return advice;
  }
  return std::nullopt;
}

}  // namespace oppen::cost
