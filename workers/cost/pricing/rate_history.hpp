#pragma once
// Which rates held when: the cost models that `policy.changed` told of, each from its effective_from on. Before the first one
// the contract's defaults hold. One thread; reading alone is safe from several.
#include <map>
#include <string>
#include <vector>

#include "schemas/control.hpp"
#include "workers/cost/pricing/pricing.hpp"

namespace oppen::pricing {

class RateHistory {
 public:
  RateHistory();

  // The policies in the order of the log: what comes later replaces whatever was to hold from its effective_from on. Overrides
  // of rates count, each until its own end. True when prices may differ from before; false for a policy that says the same
  // again. Invalid: a value that is no rate, in sentences; the history stays as it was.
  Result<bool> take(const PolicyChanged& policy);

  const CostModel& at(Time time) const;
  // The cost from `start` to `end`, rounded once: the price of [a,c) less the price of [a,b) is what [b,c) costs, and however a
  // run is cut, its intervals add up. Zero when end <= start.
  Price price(const Usage& usage, Time start, Time end) const;
  // The first instant after `after` and before `until` at which other rates hold, the off-peak window opens or closes, or the
  // clocks of its zone change; else `until`.
  Time next_edge(Time after, Time until) const;

 private:
  using ConfigMap = std::map<std::string, std::string>;
  struct Entry {
    Time from{};
    ConfigMap map;
    CostModel model;
  };
  // The entry that holds at `time`.
  std::vector<Entry>::const_iterator entry_at(Time time) const;

  std::vector<Entry> entries_;  // ascending; the first holds since ever
};

}  // namespace oppen::pricing
