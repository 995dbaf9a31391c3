#pragma once
// Mean and standard deviation of a stream: of all values alike while there are few, later with exponentially falling weights.
// mu += k d, v = (1 - k)(v + k d^2) with d = x - mu and k = max(rate, 1/n): for rate 0 the population's moments (Welford 1962), else the
// exponentially weighted ones (Finch 2009, "Incremental calculation of weighted mean and variance").
#include <algorithm>
#include <cmath>
#include <cstdint>

namespace oppen::anomaly {

class RunningScale {
 public:
  explicit RunningScale(double rate = 0) : rate_(rate) {}

  void add(double value) {
    ++count_;
    const double k = std::max(rate_, 1 / static_cast<double>(count_));
    const double difference = value - mean_;
    mean_ += k * difference;
    variance_ = (1 - k) * (variance_ + k * difference * difference);
  }

  std::uint64_t count() const { return count_; }
  double mean() const { return mean_; }
  double deviation() const { return std::sqrt(variance_); }

  template <class Archive>
  void state(Archive& archive) {
    archive(count_, mean_, variance_);
  }

 private:
  double rate_;
  std::uint64_t count_ = 0;
  double mean_ = 0;
  double variance_ = 0;
};

}  // namespace oppen::anomaly
