#pragma once
// The budgets, what was spent of each, and when it is time to tell it. No clock, no I/O; one thread.
//
// A budget.state is due at once when another threshold is reached or the budget is exceeded, and otherwise half a minute after the last
// one, if something was spent since, or so shortly before it that what ended then may not have been in it (budgets::surely_contained), or if
// something else is committed. It is due,
// too, of a budget of which nothing was told in this form: it is new, or other than it was, or its period is.
#include <map>
#include <string>
#include <vector>

#include "workers/cost/budgets/book.hpp"
#include "workers/cost/budgets/keeper/keeper_store.hpp"
#include "workers/cost/budgets/keeper/tally.hpp"

namespace oppen::budgets {

class Telling {
 public:
  static constexpr std::chrono::seconds interval{30};

  explicit Telling(Tally& tally) : tally_(tally) {}

  // Before anything else: as it was stored.
  void load(BudgetSet set, std::optional<ToldState> told);
  // False: it is not valid, and changes nothing.
  bool set(const BudgetSet& set);
  // What is committed now: of each what the last call says. It is told with what is spent.
  void committed(std::vector<Commitment> commitments) { commitments_ = std::move(commitments); }
  // A charge that is in the tally.
  void spent(const CostAccrued& charge, Time now);

  struct Due {
    BudgetState state;
    double used = 0;  // part of the amount
  };
  std::vector<Due> due(Time now);
  // It is on the bus, as of then.
  void told(const BudgetState& state, Time as_of);
  // Somebody has said something else of this budget: it is due.
  void again(const std::string& budget_id);

  const std::map<std::string, BudgetSet>& sets() const { return book_.sets(); }

 private:
  struct One {
    std::optional<ToldState> told;
    Period period{};  // of `spent`
    MicroUsd spent{};
    Time changed{};      // when something was spent last
    bool afresh = true;  // it is other than what was told of it
  };
  void turn(const BudgetSet& set, One& one, Time now) const;
  MicroUsd committed_of(const BudgetSet& set, Time now) const;
  BudgetState state_of(const BudgetSet& set, const One& one, Time now) const;

  Tally& tally_;
  Book book_;
  std::map<std::string, One> ones_;
  std::vector<Commitment> commitments_;
};

}  // namespace oppen::budgets
