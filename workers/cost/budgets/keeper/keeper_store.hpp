#pragma once
// What the keeper of the budgets has in Redis. Beside those of LeasedStore the keys
//   next     hash: "<topic>/<partition>" -> the offset from which to go on
//   days     hash: "<day> <team> <project>" -> what was spent then, in micro-dollars
//   marks    hash: "<job or run>/<attempt>" -> up to where its charges are in the sums
//   sets     hash: budget -> its budget.set
//   states   hash: budget -> its last budget.state, and when it was published
// and of cost::IdleCount, which the keeper counts by the same logs:
//   idle-next   hash: as `next`, how far they are counted in it. What stands between the two was read by one that does not count
//   idle        hash: "since" -> in milliseconds, before when nothing is counted
//   nodes       hash: "<node> <since>" -> what it was from then on, and when that was told; times in milliseconds
//   node-until  hash: node -> up to where it has been counted
//   policies    hash: offset in control (-1: it is no more there) -> what that policy says of rates
//   idle:<YYYY-MM-DD>  hash: time of GPUs (cost::idle_field) -> how much of it. 400 days
#include <optional>
#include <string>
#include <vector>

#include "schemas/control.hpp"
#include "workers/cost/budgets/keeper/tally.hpp"
#include "workers/cost/idle/idle_rows.hpp"
#include "workers/runtime/leased_store.hpp"

namespace oppen::budgets {

// How long days of idle GPUs are kept.
inline constexpr std::chrono::days keep_idle{400};

// What was last told of a budget.
struct ToldState {
  BudgetState state;
  Time at{};
};
std::string to_text(const ToldState& told);
std::optional<ToldState> read_told(const std::string& text);

class KeeperStore : public runtime::LeasedStore {
 public:
  // `token`: unique among all instances that ever ran.
  KeeperStore(runtime::Redis& redis, const std::string& topic_prefix, std::string token,
              std::chrono::milliseconds ttl);
};

// A budget as whoever asks is told of it.
struct BudgetView {
  BudgetSet set;
  std::optional<ToldState> told;  // absent: nothing yet
};
// For reading alone: any Redis, any time. Errors: unavailable, fatal.
Result<std::vector<BudgetView>> read_budgets(runtime::Redis& redis,
                                             const std::string& topic_prefix);
// What GPUs the nodes had on the days from `from` on, before `to`, and what was taken of them. As read_budgets.
Result<cost::IdleSums> read_idle(runtime::Redis& redis, const std::string& topic_prefix,
                                 std::chrono::sys_days from, std::chrono::sys_days to);

}  // namespace oppen::budgets
