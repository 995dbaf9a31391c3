#pragma once
// What the rules go by in common: the jobs that wait and run, the policies in force, the nodes, and which charges were told before. No clock, no I/O; one thread.
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "workers/anomaly/episodes/kept.hpp"
#include "workers/anomaly/rules/fact.hpp"
#include "workers/cost/budgets/charge_marks.hpp"
#include "workers/cost/pricing/rate_history.hpp"

template <>
struct nlohmann::adl_serializer<oppen::PolicyChanged>
    : oppen::anomaly::AsData<oppen::PolicyChanged> {};

namespace oppen::anomaly {

struct Job {
  std::int64_t seq = 0;
  std::string state = "queued";  // queued | live | ended
  std::string team;
  std::string project;
  std::string model_type;
  std::string window;
  std::vector<std::string> after;
  int gpus = 0;
  std::int64_t estimated_cost = 0;  // micro-dollars
  double estimated_seconds = 0;
  int priority = 1;                // of enum Priority
  std::optional<Time> live_since;  // of its attempt
  std::string node;                // where it runs
  std::optional<Time> retry_at;
  std::optional<Time> ended;
  Time heard{};  // the last event
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Job, seq, state, team, project, model_type, window,
                                                after, gpus, estimated_cost, estimated_seconds,
                                                priority, live_since, node, retry_at, ended, heard)

struct Node {
  int gpus = 0;
  std::string state;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Node, gpus, state)

struct Policy {
  double use_min = 30;  // percent of a GPU
  double use_max = 90;
  int max_jobs = 3;
  bool paused = false;
};

class Scene {
 public:
  static constexpr std::chrono::hours ended_kept{
      1};  // so that an event that comes again changes nothing
  static constexpr std::chrono::days unheard_kept{30};  // as long as the log keeps its events

  // False: it has been told before.
  bool take(const Happening& one);
  void forget(Time now);

  // nullptr: not known, or ended long ago.
  const Job* job(const std::string& id) const { return jobs_.find(id); }
  const std::map<std::string, Job>& jobs() const { return jobs_.all(); }
  const std::map<std::string, Node>& nodes() const { return nodes_.all(); }
  Policy policy(Time now) const;
  bool is_off_peak(Time now) const;
  // Whether an alert of that kind may be open. If none is, a rule need not say of anything that it is well.
  bool may_be_open(std::string_view kind) const { return !open_ || open_->contains(kind); }
  void set_open(std::set<std::string, std::less<>> kinds) { open_ = std::move(kinds); }

  static const std::vector<std::string>& hashes();
  void take_changes(std::vector<Cell>& cells);
  bool load(const std::string& hash, const std::string& field, const std::string& value);

 private:
  bool take(const JobChange& change, Time at);
  void take(const PolicyChanged& policy);

  Kept<Job> jobs_{"jobs"};
  Kept<Node> nodes_{"nodes"};
  Kept<PolicyChanged> policies_{"policies"};  // the last one
  budgets::ChargeMarks marks_;
  Time forgot_{};  // charges
  pricing::RateHistory rates_;
  std::optional<std::set<std::string, std::less<>>> open_;  // nullopt: not known
};

}  // namespace oppen::anomaly
