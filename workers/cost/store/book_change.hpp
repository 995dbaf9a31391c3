#pragma once
// What a change of a partition does to the books, as operations of scripts/commit.lua.
#include "workers/cost/store/ledger_store.hpp"

namespace oppen::cost {

// Appends them. The runs of the change's jobs get to know on which lists they stand then.
void add_books(runtime::Redis::Args& args, const Change& change);

}  // namespace oppen::cost
