#pragma once
// Faults put into the costs of a cluster, so that what is found can be held against what is known. Plain values and pure functions.
#include <array>
#include <random>
#include <string>
#include <vector>

#include "bench/anomaly/cost_trace.hpp"

namespace oppen::bench {

enum class FaultKind : std::uint8_t { spike, step, drift, swap, price, retries };
inline constexpr std::array<const char*, 6> fault_names{"spike", "step",  "drift",
                                                        "swap",  "price", "retries"};

struct Fault {
  FaultKind kind = FaultKind::spike;
  anomaly::Slot begins = 0, ends = 0;
  anomaly::Slot matters = 0;  // from here on a day at its rate is worth the floor
  double worth = 0;           // dollars, of its dearest 24 hours
  anomaly::SpentOn on;        // whose jobs; of a price its GPU type alone
  double jobs = 0;            // at once, of a spike, step, drift, swap or retries
  double unit_usd_hour = 1;   // of those jobs, as of all of their kind
  anomaly::Slot has_cost_floor =
      0;                      // until here it has cost the floor; its end, where it never does
  std::vector<double> added;  // dollars by slot; of a price what it makes dearer
  double price = 1;           // of everything on that GPU type
  double cost_until(anomaly::Slot slot) const;  // dollars
};

// Spend of each kind in each slot, without faults.
struct KindCosts {
  std::vector<std::vector<double>> by_kind;  // [kind][slot from the first day on]
  anomaly::Slot first = 0;
  double sum(std::size_t kind, anomaly::Slot from, anomaly::Slot to) const;
};
KindCosts costs_of(const CostTrace& trace);

// A swap takes from all other teams what it adds. One after the other from the 15th day on, one to three days and a half apart, each kind as likely; worth evenly (in the logarithm) from half the floor to
// six times that. Lengths: spikes 2 to 6 hours, retries 12 hours, steps, swaps and prices a day, drifts grow for a day and stay for one.
std::vector<Fault> draw_faults(const CostTrace& trace, const KindCosts& costs, double floor,
                               std::mt19937_64& random);

}  // namespace oppen::bench
