#pragma once
// The series of the Numenta Anomaly Benchmark (Lavin and Ahmad 2015, "Evaluating real-time anomaly detection algorithms"; data at
// github.com/numenta/NAB, `data` and `labels/combined_windows.json`), and what is made of them to see how a detector bears changes.
#include <cstddef>
#include <string>
#include <vector>

#include "schemas/error.hpp"
#include "workers/anomaly/detect/observation.hpp"

namespace oppen::bench {

// Rows in which an anomaly counts as found, both included.
struct Window {
  std::size_t first = 0;
  std::size_t last = 0;
};

struct NabSeries {
  std::string name;  // as in realTraffic/speed_6005.csv
  std::vector<anomaly::Observation> rows;
  std::vector<Window> windows;  // in order, apart from each other
};

// All that `folder` has a file of: combined_windows.json in it, or in ../labels, names the files.
Result<std::vector<NabSeries>> read_nab(const std::string& folder);

// Every second row, from `start` on (0 or 1).
NabSeries every_second(const NabSeries& series, std::size_t start);
// With normal noise of `part` of the series' standard deviation.
NabSeries with_noise(const NabSeries& series, double part, unsigned seed);
// The values backwards; the times stay.
NabSeries reversed(const NabSeries& series);

}  // namespace oppen::bench
