#include "workers/anomaly/spend/judge.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace oppen::anomaly {
namespace {

constexpr double gate = 0.2;
constexpr double least_deviations =
    3;  // of 1.4826 MAD: a standard deviation where values are normal
constexpr double least_mad = 0.05;
constexpr double provisional = 1.3;
// What keeps series that usually spend next to nothing from being unusual for as little; a part of the floor.
constexpr double offset_part = 0.25;
// A series the usual day of which is less than this part of the floor comes and goes: how long what runs will go on is not known, and a part
// of the floor must be spent before it is told; not so of many jobs at once.
constexpr double regular_part = 0.25, spent_part = 0.15;
constexpr double beyond_peak = 1.05;
// How many floors it must be worth, by what it is taken from: today, 3 hours, 1 hour, 20 minutes. The shorter, the more of it is chance; but where
// it is many jobs at once, chance evens out.
constexpr std::array<double, 4> worth{1, 1.1, 1.25, 1.5}, worth_of_many{1, 1, 1, 1.1};
constexpr double well_gate = 0.5, well_worth = 0.6;  // parts of the bounds
constexpr int baseline_days = 28, mean_days = 7;

double median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

double dollars(std::int64_t microusd) { return static_cast<double>(microusd) / 1e6; }

}  // namespace

Judgement judge(const Series& series, const Series* whole, Slot now, const Bounds& bounds) {
  const auto today = day_of(now);
  std::vector<double> days;  // the latest first
  days.reserve(baseline_days);
  for (auto day = today - 1; day >= std::max(bounds.first_day, today - baseline_days); --day)
    if (!series.left_out(day) && (!bounds.left_out || !bounds.left_out(day)))
      days.push_back(std::max(0.0, dollars(series.day_sum(day))));
  Judgement judgement;
  judgement.history = static_cast<int>(days.size());
  if (judgement.history < least_history) return judgement;

  const auto recent = std::min<std::size_t>(days.size(), mean_days);
  for (std::size_t i = 0; i < recent; ++i) judgement.expected += days[i];
  judgement.expected /= static_cast<double>(recent);
  const double expected = judgement.expected;

  const double offset = offset_part * bounds.floor;
  const double usual = median(days) + offset;
  const bool irregular = usual - offset < regular_part * bounds.floor;
  for (double& day : days) day = std::fabs(std::log((day + offset) / usual));
  const double strict = static_cast<double>(series.bar);
  const double deviation = 1.4826 * std::max(least_mad, median(days));
  judgement.provisional = judgement.history < full_history;
  const double significant =
      least_deviations * deviation * strict * (judgement.provisional ? provisional : 1);

  std::array<double, 4> comes_to{};
  std::array<bool, 4> unusual{};  // beyond what it has ever been
  std::array<bool, 4> spent_enough{};
  for (const auto window : {minutes_20, hour_1, hours_3}) {
    const Slot from = now - window_slots[window];
    const auto spent = static_cast<double>(series.slots_sum(now, window_slots[window]));
    const auto basis = static_cast<std::size_t>(window == hours_3  ? Basis::hours_3
                                                : window == hour_1 ? Basis::hour_1
                                                                   : Basis::minutes_20);
    comes_to[basis] = spent / 1e6 / series.usual_part(from, now, whole);
    const double beyond = spent / 1e6 - expected * series.usual_part(from, now, whole);
    unusual[basis] = spent > beyond_peak * strict * series.peak(window, today);
    spent_enough[basis] = beyond > spent_part * bounds.floor;
  }
  const auto basis_today = static_cast<std::size_t>(Basis::today);
  const double passed = series.usual_part(today * slots_a_day, now, whole);
  const double level = (expected + comes_to[static_cast<std::size_t>(Basis::hours_3)]) / 2;
  comes_to[basis_today] = dollars(series.day_sum(today)) + (1 - passed) * level;
  unusual[basis_today] = true;
  spent_enough[basis_today] =
      dollars(series.day_sum(today)) - expected * passed > spent_part * bounds.floor;

  for (const auto basis : {Basis::today, Basis::hours_3, Basis::hour_1, Basis::minutes_20}) {
    const auto i = static_cast<std::size_t>(basis);
    const double excess = comes_to[i] - expected;
    const bool likely = unusual[i] && excess > gate * strict * expected &&
                        excess > bounds.floor * strict * worth_of_many[i] &&
                        std::log((comes_to[i] + offset) / usual) > significant;
    const bool sure = excess > bounds.floor * strict * worth[i] && (!irregular || spent_enough[i]);
    const bool tells = likely && (sure || (bounds.many_jobs && bounds.many_jobs()));
    if (basis == Basis::today || basis == Basis::hours_3)
      judgement.still = judgement.still || (excess > well_gate * gate * expected &&
                                            excess > well_worth * bounds.floor);
    if (tells && !judgement.unusual) {
      judgement.unusual = judgement.still = true;
      judgement.basis = basis;
      judgement.actual = comes_to[i];
    }
  }
  if (!judgement.unusual) {
    judgement.basis = comes_to[basis_today] >= comes_to[static_cast<std::size_t>(Basis::hours_3)]
                          ? Basis::today
                          : Basis::hours_3;
    judgement.actual = comes_to[static_cast<std::size_t>(judgement.basis)];
  }
  judgement.deviations = std::log((judgement.actual + offset) / usual) / deviation;
  return judgement;
}

}  // namespace oppen::anomaly
