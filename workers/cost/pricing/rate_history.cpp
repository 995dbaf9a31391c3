#include "workers/cost/pricing/rate_history.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "workers/cost/pricing/off_peak.hpp"
#include "workers/cost/pricing/stretches.hpp"

namespace oppen::pricing {

RateHistory::RateHistory() : entries_{{Time::min(), {}, {}}} {}

Result<bool> RateHistory::take(const PolicyChanged& policy) {
  const auto in_force = [](const PolicyOverride& change, Time time) {
    return is_cost_model_key(change.key) && (!change.until || time < *change.until);
  };
  std::set<Time> changes{policy.effective_from};
  for (const auto& change : policy.overrides) {
    if (change.until && in_force(change, policy.effective_from)) changes.insert(*change.until);
  }
  auto entries = entries_;
  const auto replaced = std::find_if(entries.begin() + 1, entries.end(), [&](const Entry& entry) {
    return entry.from >= policy.effective_from;
  });
  bool differs = replaced != entries.end();
  entries.erase(replaced, entries.end());
  for (const Time from : changes) {
    ConfigMap map = policy.cost_model;
    for (const auto& change : policy.overrides) {
      if (in_force(change, from)) map[change.key] = change.value;
    }
    if (map == entries.back().map) continue;
    auto model = parse_cost_model(map);
    if (!model) return fail(ErrorKind::invalid, sentences(model.error()));
    entries.push_back({from, std::move(map), std::move(*model)});
    differs = true;
  }
  if (differs) entries_ = std::move(entries);
  return differs;
}

std::vector<RateHistory::Entry>::const_iterator RateHistory::entry_at(Time time) const {
  const auto next = std::upper_bound(entries_.begin() + 1, entries_.end(), time,
                                     [](Time at, const Entry& entry) { return at < entry.from; });
  return std::prev(next);
}

const CostModel& RateHistory::at(Time time) const { return entry_at(time)->model; }

Price RateHistory::price(const Usage& usage, Time start, Time end) const {
  std::vector<Stretch> stretches;
  for (auto entry = entry_at(start); start < end; ++entry) {
    const auto next = std::next(entry);
    const Time until = next == entries_.end() ? end : std::min(end, next->from);
    stretches.push_back({start, until, &entry->model});
    start = until;
  }
  return pricing::price(usage, stretches);
}

Time RateHistory::next_edge(Time after, Time until) const {
  const auto entry = entry_at(after);
  const auto next = std::next(entry);
  if (next != entries_.end()) until = std::min(until, next->from);
  return next_window_edge(after, until, entry->model);
}

}  // namespace oppen::pricing
