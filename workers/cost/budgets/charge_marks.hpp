#pragma once
// Which charges have been counted, so that each is counted once, however often it is published. No clock, no I/O; one thread.
//
// The charges of an attempt come in the order of its charging, and again from an earlier one on when their publisher has died: an
// interval begins where the one before it ended, and a correction goes back to where it begins and raises the number that the ids end
// with. So one mark an attempt says what has been counted: the number of corrections, and up to when.
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "schemas/costs.hpp"
#include "schemas/time.hpp"
#include "workers/runtime/cell.hpp"

namespace oppen::budgets {

class ChargeMarks {
 public:
  static constexpr auto hash = "marks";
  // Longer than a publisher may be away.
  static constexpr std::chrono::days keep{3};

  // False: it has been counted. `seen`: when it was published.
  bool take(const std::string& id, const CostAccrued& charge, Time seen);
  void forget(Time now);

  // Adds what has changed since the last call.
  void take_changes(std::vector<runtime::Cell>& cells);
  // False: it can't be read.
  bool load(const std::string& name, const std::string& value);

 private:
  struct Mark {
    int corrections = 0;
    Time until{};
    Time seen{};
  };
  std::unordered_map<std::string, Mark> marks_;
  std::set<std::string> changed_;
};

}  // namespace oppen::budgets
