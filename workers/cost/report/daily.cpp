#include "workers/cost/report/daily.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <vector>

namespace oppen::cost {
namespace {

constexpr double weight = 0.3;
constexpr std::size_t week = 7;
constexpr int most_judged = 28;
constexpr std::size_t least_judged = 4;
constexpr std::size_t most_times_longer =
    4;  // is what lies ahead than what can be judged: nothing is said of more
constexpr double floor_part = 0.05;

double mean_of(std::span<const double> days) {
  return std::accumulate(days.begin(), days.end(), 0.0) / static_cast<double>(days.size());
}

double weighted_mean(std::span<const double> days) {
  double mean = days[0];
  for (const double day : days) mean += weight * (day - mean);
  return mean;
}

double by_the_week(std::span<const double> days, double horizon) {
  double level = mean_of(days.first(week));
  std::array<double, week> season{};
  for (std::size_t i = 0; i < week; ++i) season[i] = days[i] - level;
  for (std::size_t i = week; i < days.size(); ++i) {
    level += weight * (days[i] - season[i % week] - level);
    season[i % week] += weight * (days[i] - level - season[i % week]);
  }
  // What is left of today, then whole days.
  double sum = 0;
  double part = horizon - std::floor(horizon);
  std::size_t day = days.size();
  if (part == 0) part = 1;
  for (double ahead = horizon; ahead > 1e-9; ahead -= part, part = 1)
    sum += part * std::max(0.0, level + season[day++ % week]);
  return sum;
}

}  // namespace

double next_days(std::span<const double> days, double last_24_hours, double horizon) {
  const double smoothed = weighted_mean(days) * horizon;
  const double seasonal = days.size() >= 2 * week ? by_the_week(days, horizon) : smoothed;
  return (seasonal + smoothed + last_24_hours * horizon) / 3;
}

std::optional<Doubt> doubt_of(std::span<const double> days, double horizon, int percent) {
  const auto known = days.size();
  if (known < least_judged + 2) return std::nullopt;
  const auto wanted = static_cast<std::size_t>(std::max(1.0, std::ceil(horizon - 1e-9)));
  const auto judged = std::min(wanted, known - least_judged);
  if (wanted > most_times_longer * judged) return std::nullopt;
  const double floor = floor_part * mean_of(days);
  std::vector<double> errors;
  const auto most = static_cast<std::size_t>(most_judged) + judged;
  for (auto from = known - judged; from >= 1 && errors.size() < most; --from) {
    const auto before = days.first(from);
    const auto truth = days.subspan(from, judged);
    const auto length = static_cast<double>(judged);
    const double added = floor * length;
    const double forecast = next_days(before, before.back(), length) + added;
    const double sum = std::accumulate(truth.begin(), truth.end(), 0.0) + added;
    if (forecast > 0 && sum > 0) errors.push_back(std::abs(std::log(sum / forecast)));
  }
  if (errors.size() < least_judged) return std::nullopt;
  std::sort(errors.begin(), errors.end());
  const auto count = static_cast<double>(errors.size());
  const double apart = (count + static_cast<double>(judged) - 1) / static_cast<double>(judged);
  const double part = std::min(1.0, (apart + 1) / apart * percent / 100.0);
  const auto rank = static_cast<std::size_t>(std::ceil(part * count - 1e-9));
  const double error = errors[std::clamp<std::size_t>(rank, 1, errors.size()) - 1];
  const double longer = static_cast<double>(wanted) / static_cast<double>(judged);
  return Doubt{std::exp(error * std::sqrt(longer)), floor * std::max(horizon, 0.0)};
}

}  // namespace oppen::cost
