#include "bench/anomaly/fault.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

namespace oppen::bench {
namespace {

using anomaly::Slot;
using anomaly::slots_a_day;
constexpr Slot hour = 12;
constexpr std::int64_t known_days = 14;
constexpr double least_worth = 0.5, most_worth = 6;  // floors
constexpr double job_usd_hour = 0.8;

// Dollars by slot at a rate that is 1 once it is full, with the price of the hour.
std::vector<double> shape_of(FaultKind kind, Slot begins, Slot length) {
  std::vector<double> shape;
  for (Slot i = 0; i < length; ++i) {
    const double grown =
        kind == FaultKind::drift
            ? std::min(1.0, static_cast<double>(i) / static_cast<double>(slots_a_day))
            : 1;
    shape.push_back(grown * time_multiplier(begins + i));
  }
  return shape;
}

double dearest_day(const std::vector<double>& added) {
  double most = 0, sum = 0;
  for (std::size_t i = 0; i < added.size(); ++i) {
    sum += added[i];
    if (i >= static_cast<std::size_t>(slots_a_day)) sum -= added[i - slots_a_day];
    most = std::max(most, sum);
  }
  return most;
}

std::size_t dearest_kind(const KindCosts& costs, Slot from, Slot to,
                         const std::vector<bool>& allowed) {
  std::size_t best = 0;
  double most = -1;
  for (std::size_t kind = 0; kind < allowed.size(); ++kind)
    if (const double sum = costs.sum(kind, from, to); allowed[kind] && sum > most) {
      most = sum;
      best = kind;
    }
  return best;
}

void set_price(Fault& fault, const CostTrace& trace, const KindCosts& costs, double worth) {
  // Of the type that most is spent on.
  std::map<std::string, double> by_type;
  for (std::size_t kind = 0; kind < trace.kinds.size(); ++kind)
    by_type[trace.kinds[kind].gpu_type] += costs.sum(kind, fault.begins, fault.ends);
  by_type.erase("");
  const auto dearest =
      std::max_element(by_type.begin(), by_type.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  fault.on = {"", "", "", dearest->first, "", ""};
  fault.price = 1 + std::clamp(worth / std::max(1e-9, dearest->second), 0.2, 3.0);
  fault.worth = (fault.price - 1) * dearest->second;
  for (Slot slot = fault.begins; slot < fault.ends; ++slot) {
    double more = 0;
    for (std::size_t kind = 0; kind < trace.kinds.size(); ++kind)
      if (trace.kinds[kind].gpu_type == dearest->first) more += costs.sum(kind, slot, slot + 1);
    fault.added.push_back((fault.price - 1) * more);
  }
}

// No more than the other teams have.
void bound_swap(Fault& fault, const CostTrace& trace, const KindCosts& costs) {
  double others = 0;
  for (std::size_t kind = 0; kind < trace.kinds.size(); ++kind)
    if (trace.kinds[kind].team != fault.on.team)
      others += costs.sum(kind, fault.begins, fault.ends);
  const double most = 0.9 * others;
  if (fault.worth <= most) return;
  for (double& one : fault.added) one *= most / fault.worth;
  fault.worth = most;
}

Slot when_it_has_cost(const Fault& fault, double dollars) {
  Slot slot = fault.begins;
  while (slot < fault.ends && fault.cost_until(slot) < dollars) ++slot;
  return slot;
}

Fault draw_fault(const CostTrace& trace, const KindCosts& costs, Slot begins, double floor,
                 std::mt19937_64& random) {
  Fault fault;
  fault.kind = static_cast<FaultKind>(pick(random, fault_names.size()));
  fault.begins = fault.matters = begins;
  Slot length = slots_a_day;
  if (fault.kind == FaultKind::spike)
    length = 2 * hour + static_cast<Slot>(draw(random) * static_cast<double>(4 * hour));
  if (fault.kind == FaultKind::retries) length = 12 * hour;
  if (fault.kind == FaultKind::drift) length = 2 * slots_a_day;
  fault.ends = begins + length;
  const double worth =
      floor * std::exp(std::log(least_worth) + draw(random) * std::log(most_worth / least_worth));
  if (fault.kind == FaultKind::price) {
    set_price(fault, trace, costs, worth);
    return fault;
  }
  // Of a team that is at work; one in four is of a model that it never had.
  std::vector<bool> allowed(trace.kinds.size(), true);
  const auto dearest = dearest_kind(costs, begins - 7 * slots_a_day, begins, allowed);
  const auto any = pick(random, trace.kinds.size());
  const auto of = fault.kind != FaultKind::swap && draw(random) < 0.5 ? dearest : any;
  fault.on = trace.kinds[of];
  const auto like = std::find_if(trace.parts.begin(), trace.parts.end(),
                                 [&](const auto& part) { return part.kind == of; });
  fault.unit_usd_hour = like == trace.parts.end() ? job_usd_hour : like->usd_hour / like->units;
  if (draw(random) < 0.25) fault.on.model_type = "model-new";
  fault.added = shape_of(fault.kind, begins, length);
  const double scale = worth / dearest_day(fault.added);
  for (double& one : fault.added) one *= scale;
  fault.worth = worth;
  fault.jobs = std::max(1.0, std::round(scale * static_cast<double>(hour) / job_usd_hour));
  if (fault.kind == FaultKind::swap) bound_swap(fault, trace, costs);
  if (fault.kind == FaultKind::drift)
    fault.matters +=
        std::min(slots_a_day,
                 static_cast<Slot>(std::ceil(static_cast<double>(slots_a_day) * floor / worth)));
  return fault;
}

}  // namespace

double Fault::cost_until(Slot slot) const {
  const auto count = std::clamp<Slot>(slot - begins, 0, static_cast<Slot>(added.size()));
  return std::accumulate(added.begin(), added.begin() + count, 0.0);
}

double KindCosts::sum(std::size_t kind, Slot from, Slot to) const {
  double sum = 0;
  const auto& slots = by_kind[kind];
  for (Slot slot = std::max<Slot>(0, from - first);
       slot < std::min(to - first, static_cast<Slot>(slots.size())); ++slot)
    sum += slots[static_cast<std::size_t>(slot)];
  return sum;
}

KindCosts costs_of(const CostTrace& trace) {
  KindCosts costs;
  costs.first = trace.first_day * slots_a_day;
  costs.by_kind.assign(trace.kinds.size(),
                       std::vector<double>(static_cast<std::size_t>(trace.days * slots_a_day)));
  for (const auto& part : trace.parts)
    for (Slot slot = part.begins / 300; slot * 300 < part.ends; ++slot) {
      const auto index = static_cast<std::size_t>(slot - costs.first);
      if (index >= costs.by_kind[part.kind].size()) break;
      const auto seconds =
          std::min(part.ends, (slot + 1) * 300) - std::max(part.begins, slot * 300);
      costs.by_kind[part.kind][index] +=
          part.usd_hour * static_cast<double>(seconds) / 3600 * time_multiplier(slot);
    }
  return costs;
}

std::vector<Fault> draw_faults(const CostTrace& trace, const KindCosts& costs, double floor,
                               std::mt19937_64& random) {
  std::vector<Fault> faults;
  const auto slots = [&](double days) {
    return static_cast<Slot>(days * static_cast<double>(slots_a_day));
  };
  Slot begins = (trace.first_day + known_days) * slots_a_day + slots(2 * draw(random));
  for (;;) {
    auto fault = draw_fault(trace, costs, begins, floor, random);
    if (fault.ends > (trace.first_day + trace.days) * slots_a_day) return faults;
    fault.has_cost_floor = when_it_has_cost(fault, floor);
    begins = fault.ends + slots(1 + 2.5 * draw(random));
    faults.push_back(std::move(fault));
  }
}

}  // namespace oppen::bench
