// The detectors on NAB, beside published ones; how the default one bears other sampling and noise; what it takes of time and memory.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <random>

#include "bench/anomaly/development_series.hpp"
#include "bench/anomaly/nab_score.hpp"
#include "bench/support/cpu_time.hpp"
#include "bench/support/must.hpp"
#include "bench/support/report.hpp"
#include "workers/anomaly/detect/ewma_z.hpp"
#include "workers/anomaly/detect/holt_winters.hpp"
#include "workers/anomaly/detect/novelty.hpp"
#include "workers/anomaly/detect/relative_entropy.hpp"
#include "workers/anomaly/detect/robust_ewma.hpp"
#include "workers/anomaly/detect/state.hpp"
#include "workers/runtime/settings.hpp"

namespace {

using namespace oppen;
using namespace oppen::bench;

using All = std::vector<NabSeries>;
using Detect = std::function<Scores(const NabSeries&)>;

template <class Detector>
Scores run(const NabSeries& series) {
  Detector detector;
  Scores scores;
  for (const auto& row : series.rows) scores.push_back(detector.add(row));
  return scores;
}

// What does not exceed the 150 rows before is not told: the same repeat that Rarity has for the default detector.
Scores without_repeats(Scores scores) {
  constexpr std::size_t rows = 150;
  auto kept = scores;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const auto begin = scores.begin() + static_cast<std::ptrdiff_t>(i - std::min(i, rows));
    const auto here = scores.begin() + static_cast<std::ptrdiff_t>(i);
    if (begin != here && *std::max_element(begin, here) >= *here) kept[i] = untold;
  }
  return kept;
}

template <class Detector>
Scores quiet(const NabSeries& series) {
  return without_repeats(run<Detector>(series));
}

Scores larger(const NabSeries& series) {
  auto scores = run<anomaly::EwmaZ>(series);
  const auto others = run<anomaly::RelativeEntropy>(series);
  for (std::size_t i = 0; i < scores.size(); ++i) scores[i] = std::max(scores[i], others[i]);
  return without_repeats(std::move(scores));
}

std::vector<Scores> all_scores(const All& series, const Detect& detect) {
  std::vector<Scores> scores;
  for (const auto& one : series) scores.push_back(detect(one));
  return scores;
}

std::array<double, 3> all_profiles(const All& series, const Detect& detect) {
  const auto scores = all_scores(series, detect);
  return {nab_score(series, scores, nab_standard).score,
          nab_score(series, scores, nab_low_fp).score, nab_score(series, scores, nab_low_fn).score};
}

void print_row(const std::string& name, const std::array<double, 3>& of) {
  fmt::print("  {:<66} {:>8.1f} {:>8.1f} {:>8.1f}\n", name, of[0], of[1], of[2]);
}

// Known results of a detector that is defined to the digit: else no other number means anything.
void check_scorer(const All& series) {
  const auto nothing =
      all_profiles(series, [](const NabSeries& one) { return Scores(one.rows.size(), untold); });
  const auto ewma = all_profiles(series, quiet<anomaly::EwmaZ>);
  constexpr std::array expected{48.3, 37.0, 56.2};
  fmt::print(
      "\nThe scorer: no detection {:.1f} (0), EWMA z {:.1f} / {:.1f} / {:.1f} (48.3 / 37.0 / "
      "56.2)\n",
      nothing[0], ewma[0], ewma[1], ewma[2]);
  for (std::size_t i = 0; i < expected.size(); ++i)
    if (nothing[i] != 0 || std::fabs(ewma[i] - expected[i]) > 0.05)
      give_up("checking the scorer", "it does not give these reference values");
}

void print_table(const All& series, const All& others) {
  fmt::print("\n  {:<66} {:>8} {:>8} {:>8}\n", fmt::format("{} series of NAB", series.size()),
             "standard", "low FP", "low FN");
  print_row("novelty (the default)", all_profiles(series, run<anomaly::Novelty>));
  print_row("EWMA z", all_profiles(series, quiet<anomaly::EwmaZ>));
  print_row("robust EWMA", all_profiles(series, quiet<anomaly::RobustEwma>));
  print_row("relative entropy of z bins", all_profiles(series, quiet<anomaly::RelativeEntropy>));
  print_row("the larger of EWMA z and relative entropy", all_profiles(series, larger));
  print_row("Holt-Winters residual", all_profiles(series, quiet<anomaly::HoltWinters>));
  // From the results that github.com/numenta/NAB and github.com/markNZed/ARTimeNAB.jl publish.
  print_row("published, these series: ARTime", {78.2, 70.4, 83.1});
  print_row("published, these series: CAD OSE", {74.1, 71.7, 76.9});
  print_row("published, these series: Numenta HTM", {71.2, 65.0, 75.9});
  print_row("published, these series: windowed Gaussian", {36.7, 21.4, 45.2});
  print_row("published, all 58 series: ARTime", {74.9, 65.1, 80.4});
  print_row("published, all 58 series: Numenta HTM", {70.1, 63.1, 74.3});
  print_row("published, all 58 series: CAD OSE", {69.9, 67.0, 73.2});
  print_row("published, all 58 series: KNN-CAD", {58.0, 43.4, 64.8});
  print_row("published, all 58 series: relative entropy", {54.6, 47.6, 58.8});
  print_row("published, all 58 series: random cut forest", {51.7, 38.4, 59.7});
  if (!others.empty())
    print_row(fmt::format("novelty, the {} series that it was not developed on", others.size()),
              all_profiles(others, run<anomaly::Novelty>));
}

// The threshold of a random half of the series, on the other half.
double score_of_unseen_halves(const All& series) {
  constexpr int splits = 100;
  const auto scores = all_scores(series, run<anomaly::Novelty>);
  std::vector<std::size_t> order(series.size());
  std::iota(order.begin(), order.end(), 0U);
  std::mt19937_64 random(1);
  double sum = 0;
  for (int split = 0; split < splits; ++split) {
    for (std::size_t i = order.size() - 1; i > 0; --i)
      std::swap(order[i], order[random() % (i + 1)]);
    std::array<All, 2> half;
    std::array<std::vector<Scores>, 2> of_half;
    for (std::size_t i = 0; i < order.size(); ++i) {
      half[i % 2].push_back(series[order[i]]);
      of_half[i % 2].push_back(scores[order[i]]);
    }
    const double threshold = nab_score(half[0], of_half[0], nab_standard).threshold;
    sum += nab_score(half[1], of_half[1], nab_standard, threshold).score;
  }
  return sum / splits;
}

double standard_of(const All& series, const std::function<NabSeries(const NabSeries&)>& change) {
  All changed;
  for (const auto& one : series) changed.push_back(change(one));
  return nab_score(changed, all_scores(changed, run<anomaly::Novelty>), nab_standard).score;
}

void measure_steadiness(const All& series, Report& report) {
  report.claim(
      "nab-steadiness",
      "the default detector, unchanged, on what these series would be otherwise; NAB standard");
  for (const std::size_t start : {0U, 1U})
    report.bar_at_least(
        fmt::format("every second value, from the {} on", start == 0 ? "first" : "second"),
        standard_of(series, [&](const auto& one) { return every_second(one, start); }), 70,
        "points");
  constexpr unsigned seeds = 5;
  double sum = 0;
  for (unsigned seed = 1; seed <= seeds; ++seed)
    sum += standard_of(series, [&](const auto& one) { return with_noise(one, 0.05, seed); });
  report.bar_at_least("with noise of 5 % of the standard deviation, mean of 5 seeds", sum / seeds,
                      75, "points");
  report.measured("backwards", standard_of(series, reversed), "points");
  report.measured("by the threshold of the other half, mean of 100 splits",
                  score_of_unseen_halves(series), "points");
}

void measure_cost(const All& series, Report& report) {
  report.claim("detector-cost", "the default detector on one core, over all these series in turn");
  double values = 0, saved = 0, sum = 0;
  const double start = cpu_seconds();
  double seconds = 0;
  while ((seconds = cpu_seconds() - start) < 2)
    for (const auto& one : series) {
      anomaly::Novelty detector;
      for (const auto& row : one.rows) sum += detector.add(row);
      values += static_cast<double>(one.rows.size());
    }
  if (sum == 0) give_up("measuring the time", "the detector told nothing");
  for (const auto& one : series) {
    anomaly::Novelty detector;
    for (const auto& row : one.rows) detector.add(row);
    saved += static_cast<double>(anomaly::save(detector).size());
  }
  const auto count = static_cast<double>(series.size());
  report.bar_at_least("values by seconds of CPU time", values / seconds, 200'000, "1/s");
  report.measured("saved state, mean", saved / count, "bytes");
}

}  // namespace

int main(int argc, char** argv) {
  runtime::Settings settings(argv[0], "Scores the detectors on the Numenta Anomaly Benchmark.");
  std::string folder, results;
  settings.add(folder, {.name = "nab", .help = "NAB's folder of series.", .unit = "DIR"});
  settings.add(results,
               {.name = "results", .help = "Where the results go as JSON.", .unit = "FILE"});
  if (const auto exit_code = settings.parse(argc, argv)) return *exit_code;

  All series = must(read_nab(folder), "reading NAB");
  const auto split = std::stable_partition(series.begin(), series.end(), [](const auto& one) {
    return std::find(development_series.begin(), development_series.end(), one.name) !=
           development_series.end();
  });
  const All others(std::make_move_iterator(split), std::make_move_iterator(series.end()));
  series.erase(split, series.end());
  if (series.size() != development_series.size())
    give_up("reading NAB", fmt::format("{} has {} of the {} series that bars are set for", folder,
                                       series.size(), development_series.size()));
  check_scorer(series);
  print_table(series, others);

  Report report;
  report.claim("nab", "the default detector on these series, one threshold for all");
  const auto of = all_profiles(series, run<anomaly::Novelty>);
  report.bar_at_least("standard", of[0], 78, "points");
  report.bar_at_least("low FP", of[1], 68, "points");
  report.measured("low FN", of[2], "points");
  measure_steadiness(series, report);
  measure_cost(series, report);
  if (!results.empty() && !report.write(results))
    give_up("writing the results", results + " can't be written");
  return 0;
}
