#pragma once
// Raw samples of one quantity, and what is said of them: percentiles from the samples themselves.
// One thread at a time.
#include <chrono>
#include <cstddef>
#include <vector>

namespace oppen::bench {

using SteadyClock = std::chrono::steady_clock;

inline double milliseconds(SteadyClock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

class Samples {
 public:
  void add(double value) {
    values_.push_back(value);
    sorted_ = false;
  }
  void add(SteadyClock::duration duration) { add(milliseconds(duration)); }

  std::size_t count() const { return values_.size(); }
  // The smallest sample that at least `percent` of them do not exceed; 0 without samples.
  double percentile(double percent) const;
  double max() const { return percentile(100); }

 private:
  mutable std::vector<double> values_;
  mutable bool sorted_ = true;
};

}  // namespace oppen::bench
