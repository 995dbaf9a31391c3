#include "bench/anomaly/nab_score.hpp"

#include <algorithm>
#include <cmath>

namespace oppen::bench {
namespace {

constexpr std::size_t no_window = std::numeric_limits<std::size_t>::max();

// What telling a row is worth.
struct Told {
  double score;
  double gain;
  std::size_t window;  // of all series', or no_window
};

double sigmoid(double y) { return 2 / (1 + std::exp(5 * y)) - 1; }

void append(const NabSeries& series, const Scores& scores, const NabProfile& profile,
            std::size_t first_window, std::vector<Told>& told) {
  const auto probation = std::min<std::size_t>(series.rows.size() * 15 / 100, 750);
  std::size_t next = 0;  // the first window that has not ended
  for (std::size_t i = 0; i < series.rows.size(); ++i) {
    while (next < series.windows.size() && i > series.windows[next].last) ++next;
    if (i < probation || scores[i] == untold) continue;
    const auto width = [&](const Window& of) {
      return static_cast<double>(of.last - of.first + 1);
    };
    if (next < series.windows.size() && i >= series.windows[next].first) {
      const Window& in = series.windows[next];
      const double y = -static_cast<double>(in.last - i + 1) / width(in);
      told.push_back({scores[i], profile.found * sigmoid(y) / sigmoid(-1), first_window + next});
    } else if (next == 0) {
      told.push_back({scores[i], -profile.false_alarm, no_window});
    } else {
      const Window& before = series.windows[next - 1];
      const double y = static_cast<double>(i - before.last) / (width(before) - 1);
      told.push_back({scores[i], profile.false_alarm * (y <= 3 ? sigmoid(y) : -1), no_window});
    }
  }
}

}  // namespace

NabResult nab_score(const std::vector<NabSeries>& series, const std::vector<Scores>& scores,
                    const NabProfile& profile, std::optional<double> threshold) {
  std::vector<Told> told;
  std::size_t windows = 0;
  for (std::size_t i = 0; i < series.size(); ++i) {
    append(series[i], scores[i], profile, windows, told);
    windows += series[i].windows.size();
  }
  std::sort(told.begin(), told.end(),
            [](const Told& a, const Told& b) { return a.score > b.score; });

  const double nothing = -profile.missed * static_cast<double>(windows);
  std::vector<double> best(windows, -profile.missed);
  double sum = nothing;
  NabResult result;
  double kept = nothing;
  for (std::size_t i = 0; i < told.size();) {
    const double at = told[i].score;
    if (threshold && at < *threshold) break;
    for (; i < told.size() && told[i].score == at; ++i) {
      if (told[i].window == no_window) {
        sum += told[i].gain;
      } else if (double& found = best[told[i].window]; told[i].gain > found) {
        sum += told[i].gain - found;
        found = told[i].gain;
      }
    }
    if (threshold || sum > kept) {
      kept = sum;
      result.threshold = at;
    }
  }
  const double all = profile.found * static_cast<double>(windows);
  result.score = 100 * (kept - nothing) / (all - nothing);
  return result;
}

}  // namespace oppen::bench
