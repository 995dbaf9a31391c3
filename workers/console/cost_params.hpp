#pragma once
// The parameters that several questions about cost share. One thread.
#include "workers/console/params.hpp"
#include "workers/cost/report/range.hpp"
#include "workers/cost/report/report.hpp"

namespace oppen::console {

inline cost::RangeWords range_words(Params& params) {
  return {params.text("from"), params.text("to"), params.text("month"), params.text("quarter")};
}

inline cost::ReportFilter filter_of(Params& params) {
  return {params.text("team"), params.text("project"), params.text("model_type")};
}

}  // namespace oppen::console
