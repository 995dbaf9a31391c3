#pragma once
// What recommendations for a run are made from. Borrowed; plain values, any thread.
#include <span>
#include <vector>

#include "workers/cost/books/records.hpp"
#include "workers/cost/pricing/pricing.hpp"
#include "workers/cost/recommend/followed.hpp"

namespace oppen::cost {

struct Subject {
  const RunRecord& run;
  std::span<const RunRecord> history;  // of its model type, the run itself or not
  const pricing::CostModel& model;
  std::span<const double> accuracy_by_epoch;  // as run.progress told; empty where it told nothing
  const TrackRecords& followed;               // what came of earlier recommendations
};

}  // namespace oppen::cost
