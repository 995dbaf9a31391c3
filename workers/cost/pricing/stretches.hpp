#pragma once
// The price of a run whose rates changed on the way. Pure, any thread.
#include <span>

#include "workers/cost/pricing/pricing.hpp"

namespace oppen::pricing {

// A part of a run that one cost model holds for, which it refers to.
struct Stretch {
  Time start{};
  Time end{};
  const CostModel* model = nullptr;
};

// What all of it costs. The exact cost of each part is added up and the sum is rounded once (half up), so that where a run is
// cut into stretches of the same model makes no difference.
Price price(const Usage& usage, std::span<const Stretch> stretches);

}  // namespace oppen::pricing
