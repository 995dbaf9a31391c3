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

// The N that ends an id: "job/1/from-to/cN" of a correction, "job/1/from-to/N" of what follows it, none before the first.
int corrections_of(const std::string& id) {
  auto last = std::string_view(id).substr(id.rfind('/') + 1);
  if (last.starts_with('c')) last.remove_prefix(1);
  int number = 0;
  const auto [end, error] = std::from_chars(last.data(), last.data() + last.size(), number);
  return error == std::errc{} && end == last.data() + last.size() ? number : 0;
}

Time from_ms(std::int64_t milliseconds) { return Time(std::chrono::milliseconds(milliseconds)); }
std::int64_t to_ms(Time time) { return time.time_since_epoch().count(); }

}  // namespace

std::string Tally::field_of(const Key& key) {
  return fmt::format("{} {} {}", key.day.time_since_epoch().count(), word_of(key.team),
                     word_of(key.project));
}

bool Tally::add(const std::string& id, const CostAccrued& charge, Time seen) {
  const auto name =
      fmt::format("{}/{}", charge.job_id.empty() ? charge.run_id : charge.job_id, charge.attempt);
  const int corrections = corrections_of(id);
  if (const auto known = marks_.find(name); known != marks_.end()) {
    const auto& mark = known->second;
    const bool is_new =
        charge.correction ? corrections > mark.corrections
                          : corrections > mark.corrections || (corrections == mark.corrections &&
                                                               charge.interval_start >= mark.until);
    if (!is_new) return false;
  }
  const Mark mark{corrections, charge.correction ? charge.interval_start : charge.interval_end,
                  seen};
  marks_[name] = mark;
  changes_[{"marks", name}] =
      fmt::format("{} {} {}", mark.corrections, to_ms(mark.until), to_ms(mark.seen));
  const Key key{std::chrono::floor<std::chrono::days>(charge.interval_start), charge.team,
                charge.project};
  auto& sum = days_[key];
  sum += charge.total.value;
  changes_[{"days", field_of(key)}] = std::to_string(sum);
  return true;
}

void Tally::forget(Time now) {
  if (now < forgot_ + between_forgetting) return;
  forgot_ = now;
  while (!days_.empty() && days_.begin()->first.day + keep_days < now) {
    changes_[{"days", field_of(days_.begin()->first)}] = "";
    days_.erase(days_.begin());
  }
  for (auto mark = marks_.begin(); mark != marks_.end();) {
    if (mark->second.seen + keep_marks < now) {
      changes_[{"marks", mark->first}] = "";
      mark = marks_.erase(mark);
    } else {
      ++mark;
    }
  }
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
  for (auto& [where, value] : changes_) cells.push_back({where.first, where.second, value});
  changes_.clear();
  return cells;
}

bool Tally::load(std::string_view hash, const std::string& field, const std::string& value) {
  std::istringstream text(hash == "days" ? field : value);
  if (hash == "days") {
    std::int64_t day = 0;
    std::string team;
    std::string project;
    std::int64_t sum = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), sum);
    if (!(text >> day >> team >> project) || error != std::errc{}) return false;
    days_[{std::chrono::sys_days(std::chrono::days(day)), name_of(team), name_of(project)}] = sum;
    return true;
  }
  std::int64_t until = 0;
  std::int64_t seen = 0;
  Mark mark;
  if (!(text >> mark.corrections >> until >> seen)) return false;
  mark.until = from_ms(until);
  mark.seen = from_ms(seen);
  marks_[field] = mark;
  return true;
}

}  // namespace oppen::budgets
