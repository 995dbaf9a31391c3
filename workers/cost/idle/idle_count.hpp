#pragma once
// Counts what GPUs nobody takes: of what nodes there were (node.observed), which rates held (policy.changed), and what attempts were charged for
// (cost.accrued), in the order in which they come. No clock, no I/O; one thread.
//
// Up to where a node has been counted stays as it is: an observation, or a policy, that comes later than the time it tells of holds from there on.
// So a charge and the correction that takes it back meet the same node and the same rates, and cancel out. The state is what is stored: whoever loads
// it goes on as if nothing had been.
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/control.hpp"
#include "schemas/costs.hpp"
#include "workers/cost/idle/idle_rows.hpp"
#include "workers/cost/pricing/rate_history.hpp"
#include "workers/runtime/cell.hpp"

namespace oppen::cost {

class IdleCount {
 public:
  static constexpr const char* hashes[] = {"nodes", "node-until", "policies"};
  // How long it is known what a node was, for charges that come late: as long as `costs` is kept, and more.
  static constexpr std::chrono::days keep{100};
  // More GPUs than a node has, and longer than anything is charged at once (the ledger's grid): such an event is not believed.
  static constexpr int most_gpus = 1'000;
  static constexpr std::chrono::hours longest_charge{1};

  // What is stored, each hash in the order of its fields, before anything else. False: it can't be read.
  bool load(std::string_view hash, const std::string& field, const std::string& value);
  bool load_day(std::chrono::sys_days day, const std::string& field, const std::string& value);

  // Of the time before nothing is counted: not all charges of it come. Before anything else but load.
  void begin(Time since) { since_ = since; }
  // False: it can't be believed, and changes nothing. `at`: the time of the event.
  bool observe(const NodeObserved& node, Time at);
  // `offset`: in `control`. A policy that can't be read changes nothing.
  void take(std::int64_t offset, PolicyChanged policy);
  // Each charge once, be it a correction. One of a run from outside, without GPUs, or that does not tell how many it held says nothing of nodes.
  // False: it is absurd, and changes nothing. `recorded_at`: of its record, by which its times are judged, so that whoever reads it does so alike.
  bool charge(const CostAccrued& charge, Time recorded_at);
  // Counts the capacity of all nodes up to then; as far as that changes about `most` cells. True when it is done.
  bool count(Time until, std::size_t most);
  // Drops what is older than is kept.
  void forget(Time now);

  // How many cells take_changes would give: what is to be stored at once has a limit.
  std::size_t pending() const { return added_.size() + changed_.size(); }
  // What has changed since the last call. Days are told as what is added to them.
  void take_changes(std::vector<runtime::Cell>& cells);
  // Of the latest day of which anything is known; none of another.
  IdleRows rows_of(std::chrono::sys_days day) const {
    return day == today_is_ ? today_ : IdleRows();
  }

 private:
  struct Seen {
    Time from{};
    Time told{};  // the time of its event
    int gpus = 0;
    bool spot = false;
    bool up = false;
    const std::string* gpu_type = nullptr;  // in types_
  };
  struct Node {
    std::vector<Seen> seen;  // ascending
    Time until{};            // counted up to here
  };
  using Nodes = std::map<std::string, Node>;
  // Calls `each(from, to, seen)` for the parts of a time: `seen` is what the node was then, or nullptr where that is not known.
  template <class Each>
  static void parts_of(const Node& node, Time from, Time to, const Each& each);
  // Adds time of GPUs, cut at midnight and where rates change.
  void add(std::int64_t GpuTime::*which, const std::string& node, const std::string& gpu_type,
           bool spot, std::int64_t micro_gpus, Time from, Time to);
  void count_node(const std::string& name, Node& node, Time until);
  void store(const std::string& name, const Seen& seen);
  const std::string* named(const std::string& gpu_type) { return &*types_.insert(gpu_type).first; }
  static bool counts(const Seen* seen) { return seen != nullptr && seen->up && seen->gpus > 0; }

  // From when on a node may be counted.
  Time counts_from(const Node& node) const {
    return std::max({node.until, node.seen.front().from, since_});
  }

  Nodes nodes_;
  std::set<std::string> types_;
  pricing::RateHistory rates_;
  std::map<std::string, Time> policies_;  // from when each holds, by its field
  Time since_{};
  Time counted_{};  // the latest `until` of any node
  Time forgot_{};
  std::chrono::sys_days today_is_{};
  IdleRows today_;
  std::map<std::pair<std::chrono::sys_days, std::string>, std::int64_t> added_;  // by field
  std::map<std::pair<std::string, std::string>, std::string> changed_;  // by hash and field
};

}  // namespace oppen::cost
