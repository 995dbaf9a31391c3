#pragma once
// The price at which an attempt's GPU time is divided. Pure, any thread.
#include <map>
#include <string>
#include <tuple>

#include "workers/cost/pricing/pricing.hpp"

namespace oppen::cost {

// What one whole GPU costs it an hour at an instant, with all multipliers, in micro-dollars; for Usage::settle.
std::int64_t gpu_hourly(pricing::Usage usage, Time at, const pricing::CostModel& model);

// The same for many attempts at one instant, of which most pay the same: each price is computed once. One thread.
class GpuPrices {
 public:
  // `model` must outlive this.
  GpuPrices(Time at, const pricing::CostModel& model) : at_(at), model_(model) {}

  std::int64_t hourly(const pricing::Usage& usage);

 private:
  Time at_;
  const pricing::CostModel& model_;
  std::map<std::tuple<std::string, Priority, bool>, std::int64_t> known_;
};

}  // namespace oppen::cost
