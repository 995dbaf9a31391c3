#pragma once
// NAB's score (Lavin and Ahmad 2015, section III): a row that is told within a window of its series earns the more the earlier it comes, one
// outside costs, the less the sooner after a window. Each window counts by its best row; the first min(15 % of the rows, 750) count nothing.
// One threshold for all series: the one that earns most.
#include <limits>
#include <optional>
#include <vector>

#include "bench/anomaly/nab_series.hpp"

namespace oppen::bench {

struct NabProfile {
  const char* name;
  double found, false_alarm, missed;
};
inline constexpr NabProfile nab_standard{"standard", 1, 0.11, 1};
inline constexpr NabProfile nab_low_fp{"low FP", 1, 0.22, 1};
inline constexpr NabProfile nab_low_fn{"low FN", 1, 0.11, 2};

// A detector's scores of a series, one a row; a row that scores `untold` is told at no threshold.
using Scores = std::vector<double>;
inline constexpr double untold = -std::numeric_limits<double>::infinity();

struct NabResult {
  double score = 0;  // 0 for no detection, 100 for all windows found at once and nothing else
  double threshold = std::numeric_limits<double>::infinity();
};

// `scores` one for each of `series`, which have at least one window. With `threshold` by that one, else by the best.
NabResult nab_score(const std::vector<NabSeries>& series, const std::vector<Scores>& scores,
                    const NabProfile& profile, std::optional<double> threshold = std::nullopt);

}  // namespace oppen::bench
