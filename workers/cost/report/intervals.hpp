#pragma once
// How much longer a run goes on, as an interval. Pure; any thread.
#include <cstddef>
#include <span>

#include "scheduler/plan/log_normal.hpp"

namespace oppen::cost {

// Of a hundred runs, so many end within the interval.
inline constexpr int interval_percent = 95;

// Seconds, or whatever else is between two bounds.
struct Interval {
  double low = 0;
  double expected = 0;
  double high = 0;
};

// What is left by the run's own epochs: those that are done took `epoch_seconds` (at least two), `left` are to come, the first of
// which may have begun up to `age` seconds ago. Epochs are taken as independent draws of one normal distribution; the sum of m
// future ones then lies within
//
//   m x +- t(n - 1) s sqrt(m + m^2 / n)
//
// with x and s the mean and the standard deviation of the n that are done and t Student's (G. J. Hahn, W. Q. Meeker,
// W. A. Escobar, Statistical Intervals, 2nd edition, section 4.7, there for the mean). How old the present epoch is isn't known (what the run did before
// its first one is in `age`, too): the lower bound takes it to be as old as can be, the upper one as new.
Interval left_by_epochs(std::span<const double> epoch_seconds, int left, double age);

// What is left of a run whose duration is log-normal and which has run for `elapsed` seconds: the quantiles of those that last
// longer than that. One run in twenty is taken to be a stranger among those of its model type, as wide as one of a type of which nobody
// knows anything (spread 2 of the logarithm): real durations have heavier tails than the log-normal's, and one that has run far longer
// than the others has all its future in such a tail. The contaminated normal distribution of J. W. Tukey, "A survey of sampling from
// contaminated distributions", 1960. `bench/run forecast` measures on a real trace how often the interval holds.
Interval left_by_duration(const plan::LogNormal& duration, double elapsed);

// What is left where only the pace is known, which `done` epochs have shown: `alike` is what is left where all epochs are alike, by
// how old the present one may be. The spread of one epoch is taken to be that of whole runs of the model type (`spread`, of the
// logarithm), which is more rather than less.
Interval left_by_pace(const Interval& alike, int done, int left, double spread);

// How many times wider than the normal one Student's distribution is at interval_percent.
double students_excess(std::size_t degrees);

}  // namespace oppen::cost
