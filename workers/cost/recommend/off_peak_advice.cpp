// The cheap hours: from the price list and the run's own times alone.
#include <fmt/format.h>

#include "workers/cost/pricing/off_peak.hpp"
#include "workers/cost/recommend/history.hpp"
#include "workers/cost/recommend/recommenders.hpp"

namespace oppen::cost {
namespace {

constexpr double minutes_a_day = 24 * 60;

double share_of(std::int64_t millionths) { return static_cast<double>(millionths) / 1e6; }

}  // namespace

std::optional<Advice> advise_off_peak(const Subject& subject) {
  const auto& run = subject.run;
  const auto& model = subject.model;
  if (run.workload_type == "inference" || run.priority == Priority::urgent || !run.started_at ||
      !run.ended_at || *run.ended_at <= *run.started_at)
    return std::nullopt;
  double window = model.off_peak_end_minute - model.off_peak_start_minute;
  if (window < 0) window += minutes_a_day;
  if (window <= 0) return std::nullopt;
  const auto whole = static_cast<double>((*run.ended_at - *run.started_at).count());
  const double off_peak =
      static_cast<double>(pricing::off_peak_within(*run.started_at, *run.ended_at, model).count()) /
      whole;
  // What is longer than the window goes on at the full price.
  const double within = std::min(1.0, window * 60 / std::max(run.run_seconds, 1.0));
  if (off_peak >= within) return std::nullopt;
  const double multiplier = share_of(model.off_peak_multiplier);
  const auto priced = [&](double part) { return 1 - part + part * multiplier; };
  Advice advice;
  advice.low_percent = advice.high_percent = saving_percent(priced(off_peak), priced(within));
  advice.confidence = Confidence::high;
  advice.because = "it is the price list's own arithmetic";
  advice.description = fmt::format(
      "Between {:02}:{:02} and {:02}:{:02} {} it costs {:g} of the price; {:.0f} % of it ran "
      "outside of that.",
      model.off_peak_start_minute / 60, model.off_peak_start_minute % 60,
      model.off_peak_end_minute / 60, model.off_peak_end_minute % 60, model.time_zone, multiplier,
      (1 - off_peak) * 100);
  advice.risk = fmt::format("It begins up to {:.0f} hours later.", (minutes_a_day - window) / 60);
  advice.evidence = {{"off_peak_multiplier", multiplier},
                     {"off_peak_part", off_peak},
                     {"run_seconds", run.run_seconds},
                     {"window_minutes", window}};
  advice.changes = {{"window", "off_peak"}};
  return advice;
}

}  // namespace oppen::cost
