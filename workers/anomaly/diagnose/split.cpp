#include <cmath>

#include "workers/anomaly/diagnose/diagnose.hpp"

namespace oppen::anomaly {

Split split_of(const WorkloadChange& change) {
  const double before = change.cost_before, now = change.cost_now;
  if (before <= 0) return {.appeared = now - before};
  if (now <= 0) return {.ended = now - before};
  if (change.quantity_before <= 0 || change.quantity_now <= 0) return {.quantity = now - before};
  const double grown = std::log(now / before);
  const double more = std::log(change.quantity_now / change.quantity_before);
  const double mean = grown == 0 ? now : (now - before) / grown;
  return {.price = mean * (grown - more), .quantity = mean * more};
}

}  // namespace oppen::anomaly
