#pragma once
// What single attempts have cost, as the ledger in Redis says: for the console. A function without state, one thread per connection.
#include <optional>
#include <string>
#include <vector>

#include "schemas/error.hpp"
#include "schemas/units.hpp"
#include "workers/runtime/redis.hpp"

namespace oppen::cost {

struct AttemptId {
  std::string run;  // as run_key makes it
  int attempt = 0;  // 0: of a run from outside
};

// For each of `ids` its cost with all corrections so far, once it and whatever else has begun of its job is charged to its end; nullopt
// until then, and from when its run is forgotten on. Errors: of Redis; fatal for what is broken in it.
Result<std::vector<std::optional<MicroUsd>>> charged(runtime::Redis& redis,
                                                     const std::string& topic_prefix,
                                                     const std::vector<AttemptId>& ids);

}  // namespace oppen::cost
