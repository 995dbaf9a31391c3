// Nodes that may be taken away: the spot price, and what the work costs that is done again.
#include <fmt/format.h>

#include "workers/cost/recommend/history.hpp"
#include "workers/cost/recommend/recommenders.hpp"

namespace oppen::cost {
namespace {

// A rate of 5 % shows itself about once in so many runs.
constexpr std::size_t enough_spot_runs = 20;

}  // namespace

std::optional<Advice> advise_spot(const Subject& subject) {
  const auto& run = subject.run;
  if (run.spot || run.workload_type == "inference" || run.priority == Priority::urgent)
    return std::nullopt;
  const double multiplier = static_cast<double>(subject.model.spot_multiplier) / 1e6;
  double rate = static_cast<double>(subject.model.spot_interruption_rate) / 1e6;
  const auto spot_runs = past_runs(subject, [](const RunRecord& other) { return other.spot; });
  Advice advice;
  advice.evidence = {{"spot_multiplier", multiplier}, {"past_spot_runs", spot_runs.size()}};
  if (spot_runs.size() >= enough_spot_runs) {
    double again = 0;
    for (const auto* other : spot_runs) again += std::max(other->attempts - 1, 0);
    rate = again / static_cast<double>(spot_runs.size());
    advice.confidence = Confidence::high;
    advice.because = fmt::format("{} past runs on spot nodes", spot_runs.size());
  } else {
    advice.evidence["prior"] = true;
    advice.confidence = Confidence::medium;
    advice.because = fmt::format(
        "the price is known, the rate of interruptions is the price list's: fewer than {} past "
        "runs on spot nodes",
        enough_spot_runs);
  }
  // At best nothing is interrupted, at worst each interruption comes at the end and all is done again.
  advice.high_percent = saving_percent(1, multiplier);
  advice.low_percent = saving_percent(1, multiplier * (1 + rate));
  advice.evidence["interruption_rate"] = rate;
  advice.description = fmt::format("Spot nodes cost {:g} of the price.", multiplier);
  advice.risk = fmt::format(
      "{:.0f} % of the runs are interrupted and begin anew; write checkpoints.", rate * 100);
  advice.changes = {{"spot", true}};
  return advice;
}

}  // namespace oppen::cost
