// cost_spike: what a day costs against what it usually does. The rule is class Spend; here it is told each charge, and what happened besides.
#include <algorithm>
#include <array>
#include <cmath>

#include "workers/anomaly/diagnose/diagnose.hpp"
#include "workers/anomaly/diagnose/limit.hpp"
#include "workers/anomaly/rules/rules.hpp"
#include "workers/anomaly/spend/spend.hpp"
#include "workers/cost/pricing/pricing.hpp"

namespace oppen::anomaly {
namespace {

constexpr auto spend_hash = "spend";
constexpr auto prices_hash = "prices";
constexpr auto between_cost_looks = std::chrono::minutes{5};
constexpr auto charges_come_within = std::chrono::minutes{2};
constexpr double least_saved = 0.01;  // dollars
constexpr auto notes_count_for = std::chrono::hours{24};

// Control characters stand between the parts of what Spend stores.
void clean(SpentOn& on) {
  for (auto* text :
       {&on.team, &on.project, &on.model_type, &on.gpu_type, &on.pod_namespace, &on.workload_type})
    std::replace_if(
        text->begin(), text->end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
}

// What the limit saves by the scheduler's projection, where the jobs are known; else it stays what it is by the present rate. What saves nothing,
// for what runs goes on for longer than a day, is not proposed.
void project(Finding& finding, const Scene& scene, Time now) {
  auto& remedy = *finding.remedy;
  std::vector<JobAhead> jobs;
  for (const auto& [id, job] : scene.jobs()) {
    const bool live = job.state == "live" && job.live_since;
    if (job.estimated_seconds <= 0 || (!live && job.state != "queued")) continue;
    jobs.push_back({static_cast<Priority>(job.priority), job.estimated_seconds,
                    static_cast<double>(job.estimated_cost) / 1e6,
                    live ? job.live_since : std::nullopt});
  }
  const auto live = std::count_if(jobs.begin(), jobs.end(),
                                  [](const JobAhead& job) { return job.started.has_value(); });
  if (live <= remedy.limit || !finding.actual) return;
  const double saved = saved_by_limit(jobs, remedy.limit, now);
  if (saved < least_saved) return finding.remedy.reset();
  remedy.predicted_savings = {std::llround(saved * 1e6)};
  remedy.summary = limit_text(remedy.limit, *finding.actual - saved);
  remedy.evidence["by"] = "projection";
}

NoteKind kind_of_change(const JobChange& change) {
  switch (change.what) {
    case JobChange::What::started:
      return NoteKind::started;
    case JobChange::What::requeued:
      return NoteKind::requeued;
    case JobChange::What::ended:
      return NoteKind::failed;
    default:
      return NoteKind::queued;
  }
}

class DailyCost : public Rule {
 public:
  void take(const Happening& one, const Scene& /*scene*/) override {
    if (const auto* charge = std::get_if<CostAccrued>(&one.fact)) {
      take(one.id, *charge, one.at);
    } else if (const auto* change = std::get_if<JobChange>(&one.fact)) {
      take(*change, one);
    } else if (const auto* sample = std::get_if<Sampled>(&one.fact)) {
      if (sample->xid > 0 || sample->ecc_errors > 0)
        note({NoteKind::gpu_fault,
              sample->sampled_at,
              {"", "", "", sample->gpu->gpu_type, sample->gpu->pod_namespace, ""},
              1},
             one.at);
    } else if (const auto* policy = std::get_if<PolicyChanged>(&one.fact)) {
      take(*policy, one.at);
    }
  }

  void look(Time now, const Scene& scene, std::vector<Finding>& found) override {
    if (now.time_since_epoch() % between_cost_looks != std::chrono::milliseconds{0}) return;
    for (auto& finding : spend_.look(now - charges_come_within)) {
      if (finding.remedy) project(finding, scene, now);
      found.push_back(std::move(finding));
    }
  }

  void judged(const Episode& episode, const AlertFeedback& feedback, Time until) override {
    if (episode.kind != "cost_spike") return;
    if (feedback.feedback == "planned") spend_.planned(episode.labels, episode.since, until);
    if (feedback.feedback == "noise") spend_.noise(episode.labels);
  }

  std::vector<std::string> hashes() const override { return {spend_hash, prices_hash}; }
  void take_changes(std::vector<Cell>& cells) override {
    for (auto& [key, value] : spend_.changed())
      cells.push_back({spend_hash, key, std::move(value)});
    if (prices_changed_) cells.push_back({prices_hash, "last", prices_});
    prices_changed_ = false;
  }
  bool load(const std::string& hash, const std::string& field, const std::string& value) override {
    if (hash == spend_hash) return spend_.load(field, value).has_value();
    prices_ = value;
    return true;
  }

 private:
  void take(const std::string& id, const CostAccrued& charge, Time at) {
    // The first one says since when spending is known: one of long ago would make all since then days without any.
    const bool is_first = spend_.series() == 0;
    if (is_first && charge.interval_start + SpendOptions{}.late < at) return;
    auto spending = spending_of(id, charge);
    clean(spending.on);
    spend_.add(spending);
  }

  void note(Note note, Time at) {
    if (note.at + notes_count_for < at) return;
    note.at = std::min(note.at, at);
    clean(note.on);
    spend_.note(note);
  }

  void take(const JobChange& change, const Happening& one) {
    if (change.what == JobChange::What::amended || change.what == JobChange::What::launched ||
        (change.what == JobChange::What::ended && !change.failure))
      return;
    const auto& job = change.job;
    note({kind_of_change(change),
          one.told,
          {job.team, job.project, job.model_type,
           change.gpu_type.empty() ? job.resources.gpu_type : change.gpu_type, change.pod_namespace,
           job.workload_type},
          job.resources.gpus},
         one.at);
  }

  void take(const PolicyChanged& policy, Time at) {
    nlohmann::json prices = policy.cost_model;
    for (const auto& change : policy.overrides) {
      if (pricing::is_cost_model_key(change.key)) prices[change.key] = change.value;
    }
    auto text = prices.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    if (text == prices_) return;
    if (!prices_.empty()) note(note_of(policy), at);
    prices_ = std::move(text);
    prices_changed_ = true;
  }

  Spend spend_;
  std::string prices_;  // the last ones told; "": none
  bool prices_changed_ = false;
};

}  // namespace

std::unique_ptr<Rule> daily_cost() { return std::make_unique<DailyCost>(); }

}  // namespace oppen::anomaly
