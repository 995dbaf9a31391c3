#pragma once
// What is said of a series that costs unusually much. Pure functions, any thread.
#include <map>
#include <string>

#include "workers/anomaly/finding.hpp"
#include "workers/anomaly/spend/judge.hpp"

namespace oppen::anomaly {

Finding spike(const std::map<std::string, std::string>& labels, const Judgement& judgement,
              double floor);
// It was told and is well.
Finding well(const std::map<std::string, std::string>& labels, const Judgement& judgement);

}  // namespace oppen::anomaly
