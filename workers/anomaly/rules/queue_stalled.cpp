// Jobs wait that could run, there is room for one, and nothing is launched. Not when the queue is paused, and not of jobs that wait for others, for
// a retry, for the off-peak hours or for a budget.
//
// How much room there is beyond max_concurrent_jobs (quotas, GPUs) is not on the bus: what has run at once today or yesterday, and what the nodes
// have, is known to fit. While nothing runs there is room for a job; whether for one that is larger is not known, and then that is said.
#include <fmt/format.h>

#include <algorithm>

#include "workers/anomaly/rules/rules.hpp"
#include "workers/cost/budgets/budget.hpp"

template <>
struct nlohmann::adl_serializer<oppen::BudgetSet::Scope> {
  static void to_json(json& data, const oppen::BudgetSet::Scope& scope) {
    data = {{"team", scope.team}, {"project", scope.project}};
  }
  static void from_json(const json& data, oppen::BudgetSet::Scope& scope) {
    scope = {data.at("team"), data.at("project")};
  }
};

namespace oppen::anomaly {
namespace {

// The most that ran at once, of today and of the day before.
struct Peak {
  int jobs = 0;
  int gpus = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Peak, jobs, gpus)

struct Holding {
  BudgetSet::Scope scope;
  std::int64_t amount = 0;  // micro-dollars
  std::int64_t taken = 0;   // spent and committed
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Holding, scope, amount, taken)

class QueueStalled : public Rule {
 public:
  void take(const Happening& one, const Scene& scene) override {
    if (const auto* change = std::get_if<JobChange>(&one.fact)) {
      if (change->what == JobChange::What::launched || change->what == JobChange::What::started)
        launched(scene, one.at);
    } else if (const auto* set = std::get_if<BudgetSet>(&one.fact)) {
      if (budgets::is_withdrawn(*set) || set->mode == "soft") return holding_.erase(set->budget_id);
      auto& holding = holding_.at(set->budget_id);
      holding.scope = set->scope;
      holding.amount = set->amount.value;
    } else if (const auto* state = std::get_if<BudgetState>(&one.fact)) {
      if (holding_.find(state->budget_id) == nullptr) return;
      holding_.at(state->budget_id).taken = state->spent.value + state->committed.value;
    }
  }

  void look(Time now, const Scene& scene, std::vector<Finding>& found) override {
    auto finding = about("queue_stalled", {});
    finding.holds = !moved_ && is_stalled(scene, now);
    finding.severity = is_sure_ ? "critical" : "warning";
    finding.badness = 1;
    finding.actual = waiting_;
    finding.summary =
        is_sure_ ? fmt::format(
                       "The queue stands still: {} jobs wait that could run, there is room, and "
                       "nothing is launched; {} is the first of them",
                       waiting_, first_)
                 : fmt::format(
                       "Nothing runs and nothing is launched: {} jobs wait, and may not fit; {} "
                       "is the first of them",
                       waiting_, first_);
    found.push_back(std::move(finding));
    moved_ = false;
    const auto yesterday = day_of(now - std::chrono::days(1));
    std::vector<std::string> old;
    for (const auto& [day, peak] : peaks_.all()) {
      if (day < yesterday) old.push_back(day);
    }
    for (const auto& day : old) peaks_.erase(day);
  }

  std::vector<std::string> hashes() const override { return {peaks_.hash(), holding_.hash()}; }
  void take_changes(std::vector<Cell>& cells) override {
    peaks_.take_changes(cells);
    holding_.take_changes(cells);
  }
  bool load(const std::string& hash, const std::string& field, const std::string& value) override {
    return hash == peaks_.hash() ? peaks_.load(field, value) : holding_.load(field, value);
  }

 private:
  static std::string day_of(Time at) { return to_rfc3339(at).substr(0, 10); }

  static Peak running(const Scene& scene) {
    Peak now;
    for (const auto& [id, job] : scene.jobs()) {
      if (job.state != "live") continue;
      ++now.jobs;
      now.gpus += job.gpus;
    }
    return now;
  }

  void launched(const Scene& scene, Time at) {
    moved_ = true;
    const auto now = running(scene);
    const auto day = day_of(at);
    const auto* known = peaks_.find(day);
    if (known != nullptr && known->jobs >= now.jobs && known->gpus >= now.gpus) return;
    auto& peak = peaks_.at(day);
    peak = {std::max(peak.jobs, now.jobs), std::max(peak.gpus, now.gpus)};
  }

  bool is_held(const Job& job) const {
    return std::any_of(holding_.all().begin(), holding_.all().end(), [&](const auto& each) {
      const auto& [scope, amount, taken] = each.second;
      return budgets::covers(scope, job.team, job.project) && taken + job.estimated_cost > amount;
    });
  }

  // What is known to fit; while nothing runs and nothing of that waits, also what may.
  bool is_stalled(const Scene& scene, Time now) {
    waiting_ = 0;
    first_.clear();
    is_sure_ = true;
    const auto policy = scene.policy(now);
    const auto at_work = running(scene);
    if (policy.paused || at_work.jobs >= policy.max_jobs) return false;
    Peak most = at_work;
    for (const auto& [day, peak] : peaks_.all())
      most = {std::max(most.jobs, peak.jobs), std::max(most.gpus, peak.gpus)};
    int of_nodes = 0;
    for (const auto& [name, node] : scene.nodes()) {
      if (node.state == "ready") of_nodes += node.gpus;
    }
    int unsure = 0;
    std::string first_unsure;
    for (const auto& [id, job] : scene.jobs()) {
      if (job.state != "queued" || (job.retry_at && *job.retry_at > now) ||
          (job.window == "off_peak" && !scene.is_off_peak(now)) || is_held(job))
        continue;
      const bool waits_for_others =
          std::any_of(job.after.begin(), job.after.end(), [&](const std::string& other) {
            const auto* known = scene.job(other);
            return known != nullptr && known->state != "ended";
          });
      if (waits_for_others) continue;
      const bool idle = at_work.jobs == 0;
      const bool fits = idle ? job.gpus <= std::max(most.gpus, of_nodes)
                             : at_work.jobs < most.jobs && at_work.gpus + job.gpus <= most.gpus;
      if (fits && waiting_++ == 0) first_ = id;
      if (!fits && idle && unsure++ == 0) first_unsure = id;
    }
    if (waiting_ == 0 && unsure > 0) {
      waiting_ = unsure;
      first_ = first_unsure;
      is_sure_ = false;
    }
    return waiting_ > 0;
  }

  Kept<Peak> peaks_{"queue_peaks"};
  Kept<Holding> holding_{"queue_budgets"};
  bool moved_ = false;  // since the last look
  int waiting_ = 0;
  std::string first_;
  bool is_sure_ = true;  // that they fit
};

}  // namespace

std::unique_ptr<Rule> queue_stalled() { return std::make_unique<QueueStalled>(); }

}  // namespace oppen::anomaly
