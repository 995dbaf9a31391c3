#pragma once
// How many standard deviations a value is from the forecast of additive Holt-Winters with a season of a day (Holt 1957; Winters 1960,
// "Forecasting sales by exponentially weighted moving averages"), made robust by clipping what is learnt (Gelper, Fried and Croux 2010).
// The season has 24 slots of an hour, so that the interval of the values doesn't matter.
#include <array>

#include "workers/anomaly/detect/observation.hpp"
#include "workers/anomaly/detect/running_scale.hpp"

namespace oppen::anomaly {

class HoltWinters {
 public:
  static constexpr std::string_view state_name = "holt-winters.1";

  double add(const Observation& observation);

  template <class Archive>
  void state(Archive& archive) {
    archive(level_, trend_, season_, residual_, all_);
  }

 private:
  double level_ = 0;
  double trend_ = 0;  // a value
  std::array<double, 24> season_{};
  RunningScale residual_{0.002};
  RunningScale all_;
};

}  // namespace oppen::anomaly
