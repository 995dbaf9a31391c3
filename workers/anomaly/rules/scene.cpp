#include "workers/anomaly/rules/scene.hpp"

#include <charconv>

#include "workers/cost/pricing/off_peak.hpp"

namespace oppen::anomaly {
namespace {

constexpr auto last = "last";
constexpr std::chrono::hours between_forgetting_charges{1};

int number_of(const std::string& text, int fallback) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? value : fallback;
}

}  // namespace

bool Scene::take(const Happening& one) {
  if (const auto* change = std::get_if<JobChange>(&one.fact)) return take(*change, one.at);
  if (const auto* charge = std::get_if<CostAccrued>(&one.fact))
    return marks_.take(one.id, *charge, one.at);
  if (const auto* policy = std::get_if<PolicyChanged>(&one.fact)) take(*policy);
  if (const auto* node = std::get_if<NodeObserved>(&one.fact)) {
    if (node->state == "gone") {
      nodes_.erase(node->node);
    } else {
      nodes_.at(node->node) = {node->gpus, node->state};
    }
  }
  return true;
}

bool Scene::take(const JobChange& change, Time at) {
  const auto& context = change.job;
  if (const auto* known = jobs_.find(context.job_id); known != nullptr && context.seq <= known->seq)
    return false;
  auto& job = jobs_.at(context.job_id);
  job.seq = context.seq;
  job.heard = at;
  job.team = context.team;
  job.project = context.project;
  job.model_type = context.model_type;
  job.gpus = context.resources.gpu_share ? 1 : context.resources.gpus;
  job.priority = static_cast<int>(context.priority);
  switch (change.what) {
    case JobChange::What::queued:
      job.window = change.window;
      job.after = change.after;
      job.estimated_cost = change.estimated_cost.value;
      job.estimated_seconds = change.estimated_seconds;
      break;
    case JobChange::What::amended:
      job.window = change.window;
      break;
    case JobChange::What::launched:
    case JobChange::What::started:
      if (job.state != "live") job.live_since = at;
      job.state = "live";
      job.node = change.node;
      break;
    case JobChange::What::requeued:
      job.state = "queued";
      job.node.clear();
      job.retry_at = change.retry_at;
      break;
    case JobChange::What::ended:
      job.state = "ended";
      job.node.clear();
      job.ended = at;
      break;
  }
  return true;
}

void Scene::take(const PolicyChanged& policy) {
  policies_.at(last) = policy;
  [[maybe_unused]] const auto wrong_rates_change_nothing = rates_.take(policy);
}

void Scene::forget(Time now) {
  if (now >= forgot_ + between_forgetting_charges) {
    marks_.forget(now);
    forgot_ = now;
  }
  jobs_.erase_if([&](const Job& job) {
    return (job.ended && now >= *job.ended + ended_kept) || now > job.heard + unheard_kept;
  });
}

Policy Scene::policy(Time now) const {
  Policy policy;
  const auto* told = policies_.find(last);
  if (told == nullptr) return policy;
  auto texts = told->scheduling_policies;
  for (const auto& change : told->overrides) {
    if (!change.until || now < *change.until) texts[change.key] = change.value;
  }
  policy.use_min = number_of(texts["gpu_utilization_threshold_min"], 30);
  policy.use_max = number_of(texts["gpu_utilization_threshold_max"], 90);
  policy.max_jobs = number_of(texts["max_concurrent_jobs"], 3);
  policy.paused = texts["queue_paused"] == "true";
  return policy;
}

bool Scene::is_off_peak(Time now) const { return pricing::is_off_peak(now, rates_.at(now)); }

const std::vector<std::string>& Scene::hashes() {
  static const std::vector<std::string> all = {"jobs", "nodes", "policies",
                                               budgets::ChargeMarks::hash};
  return all;
}

void Scene::take_changes(std::vector<Cell>& cells) {
  jobs_.take_changes(cells);
  nodes_.take_changes(cells);
  policies_.take_changes(cells);
  marks_.take_changes(cells);
}

bool Scene::load(const std::string& hash, const std::string& field, const std::string& value) {
  if (hash == "jobs") return jobs_.load(field, value);
  if (hash == "nodes") return nodes_.load(field, value);
  if (hash == budgets::ChargeMarks::hash) return marks_.load(field, value);
  if (!policies_.load(field, value)) return false;
  [[maybe_unused]] const auto wrong_rates_change_nothing = rates_.take(*policies_.find(field));
  return true;
}

}  // namespace oppen::anomaly
