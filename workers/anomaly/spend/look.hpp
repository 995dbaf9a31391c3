#pragma once
// Which series are told, of those that see the same jobs. One thread.
#include <vector>

#include "workers/anomaly/finding.hpp"
#include "workers/anomaly/spend/accounts.hpp"

namespace oppen::anomaly {

// As of Spend::look. Keeps in the accounts what is told by now, and by which series.
std::vector<Finding> look_at(Accounts& accounts, Time at);

}  // namespace oppen::anomaly
