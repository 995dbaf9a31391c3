#pragma once
// What the scheduler's hashes (lib.lua) say of budgets. The field of `unseen` in which what an attempt was estimated at stays counted after its end, until a
// budget.state contains it: its end, rounded to unseen_step, its team and project. Pure functions, any thread.
#include <optional>
#include <string>

#include "workers/cost/budgets/book.hpp"

namespace oppen::budgets {

std::string unseen_field(const std::string& team, const std::string& project, Time ended);

// nullopt: it is no such field. `ended` is never before the end.
std::optional<Commitment> read_unseen(const std::string& field, MicroUsd cost);

// What is reserved for the waiting jobs of a pair ("<team> <project>"), for `counters`' field of it. nullopt: it is no pair.
std::optional<Commitment> read_reserved(const std::string& pair, MicroUsd cost);

}  // namespace oppen::budgets
