#pragma once
// A mean that follows: what came `tau` ago weighs 1/e of what comes now, however far apart the values are (the exponentially weighted moving
// average of unevenly spaced values). Where nothing came for longer than `gap` it begins anew: no value is not a value of zero. A plain value.
#include <cmath>

#include "workers/anomaly/episodes/kept.hpp"

namespace oppen::anomaly {

struct Mean {
  double value = 0;
  Time began{};  // of the first value; the epoch: there is none
  Time at{};     // of the last one

  static constexpr std::chrono::minutes gap{5};

  // False: it is not later than the last one, or no number, and not taken.
  bool add(double sample, Time when, std::chrono::seconds tau) {
    if (when <= at || !std::isfinite(sample)) return false;
    if (began == Time{} || when - at > gap) {
      *this = {sample, when, when};
      return true;
    }
    const auto passed = std::chrono::duration<double>(when - at) / tau;
    value += (1 - std::exp(-passed)) * (sample - value);
    at = when;
    return true;
  }
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Mean, value, began, at)

}  // namespace oppen::anomaly
