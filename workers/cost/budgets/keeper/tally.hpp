#pragma once
// What was spent, by day of UTC, team and project; each charge once, however often it is published. No clock, no I/O; one thread.
#include <compare>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/costs.hpp"
#include "workers/cost/budgets/budget.hpp"
#include "workers/cost/budgets/charge_marks.hpp"
#include "workers/runtime/cell.hpp"

namespace oppen::budgets {

using runtime::Cell;

class Tally {
 public:
  // How long sums are kept: as long as a quarter, or its costs, may be asked for.
  static constexpr std::chrono::days keep_days{100};

  // False: it is in the sums already. `seen`: when it was published.
  bool add(const std::string& id, const CostAccrued& charge, Time seen);
  // Drops what is older than is kept.
  void forget(Time now);

  MicroUsd spent(const BudgetSet::Scope& scope, const Period& period) const;
  // Of each of the `days` whole days before `now`, as far back as anything was spent at all; the newest last.
  std::vector<MicroUsd> last_days(const BudgetSet::Scope& scope, Time now, int days) const;

  // What has changed since the last call.
  std::vector<Cell> take_changes();
  // What is stored, before anything is added. False: it can't be read.
  bool load(std::string_view hash, const std::string& field, const std::string& value);

 private:
  struct Key {
    std::chrono::sys_days day;
    std::string team;
    std::string project;
    auto operator<=>(const Key&) const = default;
  };
  static std::string field_of(const Key& key);

  std::map<Key, std::int64_t> days_;
  ChargeMarks marks_;
  std::map<std::string, std::string> changes_;  // of days_
  Time forgot_{};
};

}  // namespace oppen::budgets
