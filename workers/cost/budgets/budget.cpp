#include "workers/cost/budgets/budget.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace oppen::budgets {
namespace {

using std::chrono::days;

Time midnight(std::chrono::year_month month) {
  return std::chrono::sys_days(month / std::chrono::day(1));
}

MicroUsd rounded(double amount) { return {std::llround(amount)}; }

}  // namespace

Period period_at(const std::string& kind, Time at) {
  const std::chrono::year_month_day date(std::chrono::floor<days>(at));
  auto first = date.year() / date.month();
  const unsigned months = kind == "quarter" ? 3 : 1;
  first -= std::chrono::months((static_cast<unsigned>(date.month()) - 1) % months);
  return {midnight(first), midnight(first + std::chrono::months(months))};
}

bool covers(const BudgetSet::Scope& scope, const std::string& team, const std::string& project) {
  return (scope.team.empty() || scope.team == team) &&
         (scope.project.empty() || scope.project == project);
}

FieldErrors faults_of(const BudgetSet& set) {
  FieldErrors faults;
  for (std::size_t i = 1; i < set.thresholds.size(); ++i) {
    if (set.thresholds[i] > set.thresholds[i - 1]) continue;
    faults.push_back({fmt::format("thresholds[{}]", i), fmt::format("{}", set.thresholds[i]),
                      fmt::format("more than the one before it, {}", set.thresholds[i - 1])});
  }
  return faults;
}

std::size_t reached(const BudgetSet& set, MicroUsd spent) {
  const auto over = [&](double percent) {
    return static_cast<double>(spent.value) * 100 < percent * static_cast<double>(set.amount.value);
  };
  const auto first = std::find_if(set.thresholds.begin(), set.thresholds.end(), over);
  return static_cast<std::size_t>(first - set.thresholds.begin());
}

std::string dollars(MicroUsd amount) {
  const auto cents = (std::abs(amount.value) + 5'000) / 10'000;
  return fmt::format("{}${}.{:02}", amount.value < 0 && cents > 0 ? "-" : "", cents / 100,
                     cents % 100);
}

Forecast forecast(MicroUsd spent, const std::vector<MicroUsd>& days_spent, Time now,
                  const Period& period) {
  const auto n = static_cast<double>(days_spent.size());
  const double left = std::max(0.0, std::chrono::duration<double>(period.end - now) /
                                        std::chrono::duration<double>(days(1)));
  if (days_spent.empty()) return {spent, spent, spent};
  double sum = 0;
  for (const auto day : days_spent) sum += static_cast<double>(day.value);
  const double mean = sum / n;
  const double rest = mean * left;
  Forecast forecast{spent + rounded(rest), spent, spent + rounded(2 * rest)};
  if (days_spent.size() < 2) return forecast;
  double squares = 0;
  for (const auto day : days_spent) squares += std::pow(static_cast<double>(day.value) - mean, 2);
  const double half = 1.96 * std::sqrt(squares / (n - 1) * left * (1 + left / n));
  forecast.low = std::max(spent, spent + rounded(rest - half));
  forecast.high = spent + rounded(rest + half);
  return forecast;
}

}  // namespace oppen::budgets
