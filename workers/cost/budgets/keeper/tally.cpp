#include "workers/cost/budgets/keeper/tally.hpp"

#include <fmt/format.h>

#include <charconv>
#include <sstream>

namespace oppen::budgets {
namespace {

constexpr auto nobody = "-";  // which is no label value
constexpr std::chrono::hours between_forgetting{1};

std::string word_of(const std::string& name) { return name.empty() ? nobody : name; }
std::string name_of(const std::string& word) { return word == nobody ? "" : word; }

}  // namespace

std::string Tally::field_of(const Key& key) {
  return fmt::format("{} {} {}", key.day.time_since_epoch().count(), word_of(key.team),
                     word_of(key.project));
}

bool Tally::add(const std::string& id, const CostAccrued& charge, Time seen) {
  if (!marks_.take(id, charge, seen)) return false;
  const Key key{std::chrono::floor<std::chrono::days>(charge.interval_start), charge.team,
                charge.project};
  auto& sum = days_[key];
  sum += charge.total.value;
  changes_[field_of(key)] = std::to_string(sum);
  return true;
}

void Tally::forget(Time now) {
  if (now < forgot_ + between_forgetting) return;
  forgot_ = now;
  while (!days_.empty() && days_.begin()->first.day + keep_days < now) {
    changes_[field_of(days_.begin()->first)] = "";
    days_.erase(days_.begin());
  }
  marks_.forget(now);
}

MicroUsd Tally::spent(const BudgetSet::Scope& scope, const Period& period) const {
  const auto first = std::chrono::floor<std::chrono::days>(period.start);
  MicroUsd sum;
  for (auto at = days_.lower_bound({first, "", ""});
       at != days_.end() && at->first.day < period.end; ++at) {
    if (covers(scope, at->first.team, at->first.project)) sum += {at->second};
  }
  return sum;
}

std::vector<MicroUsd> Tally::last_days(const BudgetSet::Scope& scope, Time now, int days) const {
  std::vector<MicroUsd> sums;
  const auto today = std::chrono::floor<std::chrono::days>(now);
  for (int back = days; back > 0; --back) {
    const auto day = today - std::chrono::days(back);
    const auto sum = spent(scope, {day, day + std::chrono::days(1)});
    if (!sums.empty() || sum.value != 0) sums.push_back(sum);
  }
  return sums;
}

std::vector<Cell> Tally::take_changes() {
  std::vector<Cell> cells;
  cells.reserve(changes_.size());
  for (auto& [field, value] : changes_) cells.push_back({"days", field, value});
  changes_.clear();
  marks_.take_changes(cells);
  return cells;
}

bool Tally::load(std::string_view hash, const std::string& field, const std::string& value) {
  if (hash == ChargeMarks::hash) return marks_.load(field, value);
  std::istringstream text(field);
  std::int64_t day = 0;
  std::string team;
  std::string project;
  std::int64_t sum = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), sum);
  if (!(text >> day >> team >> project) || error != std::errc{}) return false;
  days_[{std::chrono::sys_days(std::chrono::days(day)), name_of(team), name_of(project)}] = sum;
  return true;
}

}  // namespace oppen::budgets
