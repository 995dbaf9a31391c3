#include "workers/cost/report/start.hpp"

#include "workers/cost/pricing/off_peak.hpp"

namespace oppen::cost {

Result<Time> earliest_start(std::string_view window, const pricing::CostModel& model, Time now) {
  if (window != "off_peak") return now;
  const Time horizon = now + std::chrono::days{2};
  for (Time at = now; at < horizon; at = pricing::next_window_edge(at, horizon, model)) {
    if (pricing::is_off_peak(at, model)) return at;
  }
  return fail(ErrorKind::invalid,
              "window is \"off_peak\": the cost model has no cheap hours (off_peak_window)");
}

}  // namespace oppen::cost
