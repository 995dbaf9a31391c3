#pragma once
// EwmaZ that an outlier does not teach: a difference counts for at most 7 standard deviations (Huber's psi; Gelper, Fried and Croux 2010,
// "Robust forecasting with exponential and Holt-Winters smoothing"). After 12 such values in a row on one side the level has moved, and the
// next are learnt in full.
#include "workers/anomaly/detect/observation.hpp"
#include "workers/anomaly/detect/running_scale.hpp"

namespace oppen::anomaly {

class RobustEwma {
 public:
  static constexpr std::string_view state_name = "robust-ewma.1";

  explicit RobustEwma(double rate = 0.002) : recent_(rate) {}

  double add(const Observation& observation);

  template <class Archive>
  void state(Archive& archive) {
    archive(recent_, all_, clipped_);
  }

 private:
  RunningScale recent_;       // of clipped values
  RunningScale all_;          // of clipped values
  std::int32_t clipped_ = 0;  // in a row; negative for those below
};

}  // namespace oppen::anomaly
