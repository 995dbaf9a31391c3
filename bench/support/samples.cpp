#include "bench/support/samples.hpp"

#include <algorithm>
#include <cmath>

namespace oppen::bench {

double Samples::percentile(double percent) const {
  if (values_.empty()) return 0;
  if (!sorted_) {
    std::sort(values_.begin(), values_.end());
    sorted_ = true;
  }
  const auto rank = std::ceil(percent / 100 * static_cast<double>(values_.size()));
  return values_[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
}

}  // namespace oppen::bench
