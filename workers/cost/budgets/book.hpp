#pragma once
// The budgets in force with what was last told of them, and whether there is room in them for a job. What the scheduler admits by and
// explains with. A plain value: no clock, no I/O.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "workers/cost/budgets/budget.hpp"

namespace oppen::budgets {

// How many budgets there may be: each job is held against all of them.
inline constexpr std::size_t most_budgets = 200;

// What has an end is taken to be contained in a budget.state of this much later: the last charge of an attempt is published some
// six seconds after its end.
inline constexpr std::chrono::seconds settling{15};
// The ends of attempts are kept rounded up to this.
inline constexpr std::chrono::seconds unseen_step{10};
// A budget.state of this much later than a charge contains, by its `at`, what ended with that charge; the margin is for clocks that differ.
inline constexpr std::chrono::seconds surely_contained =
    settling + unseen_step + std::chrono::seconds(5);
// What runs is charged in intervals that end on a grid of this (cost::grid), and are published when they are over.
inline constexpr std::chrono::seconds charge_interval{30};

// What an attempt is estimated to cost, from its launch on until its whole cost is in what is told as spent; or what is kept for jobs that wait.
struct Commitment {
  std::string team;
  std::string project;
  MicroUsd cost;
  double seconds = 0;          // that the run is estimated at
  std::optional<Time> from{};  // when it began to cost; absent: it has not
  std::optional<Time> ended{};
};

// A budget at one moment.
struct Standing {
  BudgetSet set;
  Period period;
  MicroUsd spent;      // as last told of this period; of an earlier one: nothing
  MicroUsd committed;  // what the commitments add to that
  bool summed =
      true;  // false: nothing was told of a budget of this scope and period, and a mode that holds jobs holds them all
  std::int64_t room() const { return set.amount.value - spent.value - committed.value; }
};

// What of a commitment is not in what was spent as of `as_of`: of a run its estimate less the part of its time that has passed, and was
// charged by then: not the last charge_interval, which may be going on, and settling.
MicroUsd unspent(const Commitment& commitment, Time as_of);

// The first standing whose mode holds jobs, that covers this one, and whose room is less than its cost; nullptr: it may go. One that
// is approved passes the budgets of mode approval.
const Standing* in_the_way(const std::vector<Standing>& standings, const std::string& team,
                           const std::string& project, MicroUsd cost, bool approved);

// For a person, without a subject: "spent $60.00 of $100.00, $20.00 committed, and this needs $30.00".
std::string sentence(const Standing& standing, MicroUsd cost);

class Book {
 public:
  // The last one of a budget counts. Errors: what is wrong with it, in a sentence that names the field and its value.
  tl::expected<void, std::string> take(BudgetSet set);
  // `at`: as of when. Dropped: one of an unknown budget, of another scope or period than it has, or from before the one known.
  void take(const BudgetState& state, Time at);

  bool empty() const { return sets_.empty(); }
  // Whether any budget holds jobs.
  bool holds() const;
  // What those cover that do.
  std::vector<BudgetSet::Scope> held_scopes() const;
  const std::map<std::string, BudgetSet>& sets() const { return sets_; }

  std::vector<Standing> standings(const std::vector<Commitment>& commitments, Time now) const;

  // As it is stored. Errors: fatal.
  std::string text() const;
  static Result<Book> parse(const std::string& text);

 private:
  struct Told {
    BudgetState state;
    Time at{};
  };
  std::map<std::string, BudgetSet> sets_;
  std::map<std::string, Told> told_;
};

}  // namespace oppen::budgets
