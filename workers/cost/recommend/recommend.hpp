#pragma once
// What could have been saved on a run that is over: at most one recommendation of each strategy. Pure, any thread.
#include <string>
#include <vector>

#include "schemas/recommendations.hpp"
#include "workers/cost/recommend/subject.hpp"

namespace oppen::cost {

// So many of the latest runs of its model type are worth reading: enough for both quartiles and for the rate of spot interruptions,
// and read in some milliseconds.
inline constexpr std::size_t most_past_runs = 50;

// The names of all.
const std::vector<std::string>& strategies();

// The largest saving first. Nothing of a run that did not succeed or cost nothing, nothing that would save less than 1 %, and no
// strategy that has cost more than it saved whenever it was followed. The same run, the same ids.
std::vector<CostRecommendation> recommend(const Subject& subject);

}  // namespace oppen::cost
