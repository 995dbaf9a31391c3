#pragma once
// What the next days will cost, from what whole days have cost. Pure; any thread.
//
// The mean of three, each of which is right where another is late: Holt-Winters without a trend with a season of a week (level and season 0.3;
// from two weeks on, before that the second again), the exponentially weighted mean of the days (0.3), and the last 24 hours. Sources:
// P. R. Winters, "Forecasting sales by exponentially weighted moving averages", Management Science 6(3), 1960; that means of
// simple forecasts beat each of them: J. M. Bates, C. W. J. Granger, "The combination of forecasts", Operational Research Quarterly
// 20(4), 1969.
#include <optional>
#include <span>

namespace oppen::cost {

// `days`: whole ones up to yesterday, at least one. `last_24_hours`: of now. `horizon`: days from now on; its fraction is the rest of today.
double next_days(std::span<const double> days, double last_24_hours, double horizon);

// How far off that is in so many per cent of cases, as a factor: the truth lies between forecast / factor and forecast x factor, with `floor`
// added to both before. A conformal interval (V. Vovk, A. Gammerman, G. Shafer, Algorithmic Learning in a Random World, 2005): an order statistic of the
// errors that the same forecast would have made at the last 28 + horizon midnights whose truth is known. Errors are ratios, as
// costs grow by factors. Forecasts from neighbouring midnights share most of their days: n of them over h days count as (n + h - 1) / h.
// Where there are too few days for so long a horizon the longest that four midnights can judge stands for it, its logarithm widened as
// a random walk's, by the root. nullopt: fewer than six days, or more than four times as far ahead as can be judged.
struct Doubt {
  double factor = 1;
  double floor =
      0;  // what a twentieth of the usual cost would be: of next to nothing a ratio says nothing
};
std::optional<Doubt> doubt_of(std::span<const double> days, double horizon, int percent);

}  // namespace oppen::cost
