#pragma once
// What the keeper of the budgets has in Redis (scripts/lib.lua). One thread; borrows the Redis. Errors of all calls: unavailable
// (repeat), fenced (another keeps them, or Redis came back older: take them over anew), fatal.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "schemas/control.hpp"
#include "workers/cost/budgets/keeper/tally.hpp"
#include "workers/runtime/redis.hpp"

namespace oppen::budgets {

// What was last told of a budget.
struct ToldState {
  BudgetState state;
  Time at{};
};
std::string to_text(const ToldState& told);
std::optional<ToldState> read_told(const std::string& text);

class KeeperStore {
 public:
  // `token`: unique among all instances that ever ran.
  KeeperStore(runtime::Redis& redis, const std::string& topic_prefix, std::string token,
              std::chrono::milliseconds ttl);

  // Takes or renews the lease; false: another holds it. The first time it also learns the version to go on from.
  Result<bool> hold();
  void release();  // best effort

  Status commit(const std::vector<Cell>& cells);
  // All fields of one of the hashes.
  Result<std::map<std::string, std::string>> all(const std::string& hash);

 private:
  runtime::Redis& redis_;
  std::string prefix_;
  std::string token_;
  std::chrono::milliseconds ttl_;
  std::string version_;
};

// A budget as whoever asks is told of it.
struct BudgetView {
  BudgetSet set;
  std::optional<ToldState> told;  // absent: nothing yet
};
// For reading alone: any Redis, any time. Errors: unavailable, fatal.
Result<std::vector<BudgetView>> read_budgets(runtime::Redis& redis,
                                             const std::string& topic_prefix);

}  // namespace oppen::budgets
