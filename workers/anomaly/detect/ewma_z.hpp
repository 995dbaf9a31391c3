#pragma once
// How many standard deviations a value is from an exponentially weighted mean (the control chart of Roberts 1959, "Control chart tests
// based on geometric moving averages", with the spread estimated the same way).
//
// The spread is never taken below a tenth of the long-run one: else it collapses on a flat stretch, and everything after is unusual. Nor
// below 1e-9 (1 + |mean|), which is nothing to values that are not tiny.
#include "workers/anomaly/detect/observation.hpp"
#include "workers/anomaly/detect/running_scale.hpp"

namespace oppen::anomaly {

class EwmaZ {
 public:
  static constexpr std::string_view state_name = "ewma-z.1";

  // `rate` is the weight of a new value, once there are 1/rate of them.
  explicit EwmaZ(double rate = 0.002) : recent_(rate) {}

  double add(const Observation& observation) { return std::fabs(add_signed(observation.value)); }
  // The same with the sign of the difference. The first value scores 0.
  double add_signed(double value);

  template <class Archive>
  void state(Archive& archive) {
    archive(recent_, all_);
  }

 private:
  RunningScale recent_;
  RunningScale all_;
};

}  // namespace oppen::anomaly
