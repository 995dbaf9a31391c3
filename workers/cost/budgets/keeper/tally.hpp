#pragma once
// What was spent, by day of UTC, team and project; each charge once, however often it is published. No clock, no I/O; one thread.
//
// The charges of an attempt come in the order of its charging, and again from an earlier one on when their publisher has died: an
// interval begins where the one before it ended, and a correction goes back to where it begins and raises the number that the ids end
// with. So one mark an attempt says what has been counted: the number of corrections, and up to when.
#include <compare>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "schemas/costs.hpp"
#include "workers/cost/budgets/budget.hpp"

namespace oppen::budgets {

// As the fields and values of hashes, which is how it is stored.
struct Cell {
  std::string hash;
  std::string field;
  std::string value;  // "": it is gone
};

class Tally {
 public:
  // How long sums and marks are kept: as long as a quarter, or its costs, may be asked for; longer than a publisher may be away.
  static constexpr std::chrono::days keep_days{100};
  static constexpr std::chrono::days keep_marks{3};

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
  struct Mark {
    int corrections = 0;
    Time until{};
    Time seen{};
  };
  static std::string field_of(const Key& key);

  std::map<Key, std::int64_t> days_;
  std::unordered_map<std::string, Mark> marks_;
  std::map<std::pair<std::string, std::string>, std::string> changes_;
  Time forgot_{};
};

}  // namespace oppen::budgets
