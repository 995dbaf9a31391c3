#pragma once
// What a change of a partition means for recommendations, as operations of scripts/commit.lua.
#include "workers/cost/store/ledger_store.hpp"

namespace oppen::cost {

// Appends them. The runs of the change's jobs get to know that they are on the list of what is due; before add_books.
void add_advice(runtime::Redis::Args& args, const Change& change);

}  // namespace oppen::cost
