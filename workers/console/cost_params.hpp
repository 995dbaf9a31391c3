#pragma once
// The parameters that several questions about cost share. One thread.
#include "workers/console/params.hpp"
#include "workers/cost/books/run.hpp"
#include "workers/cost/report/range.hpp"
#include "workers/cost/report/report.hpp"

namespace oppen::console {

inline cost::RangeWords range_words(Params& params) {
  return {params.text("from"), params.text("to"), params.text("month"), params.text("quarter")};
}

inline cost::ReportFilter filter_of(Params& params) {
  return {params.text("team"), params.text("project"), params.text("model_type")};
}

// Whether no run that ended in these days has been forgotten.
inline bool are_runs_kept(const cost::DayRange& range, Time now) {
  return range.from >= std::chrono::floor<std::chrono::days>(now) - cost::keep_runs;
}

}  // namespace oppen::console
