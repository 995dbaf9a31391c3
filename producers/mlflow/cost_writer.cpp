#include "producers/mlflow/cost_writer.hpp"

#include <nlohmann/json.hpp>

#include "producers/mlflow/value.hpp"

namespace oppen::mlflow {
namespace {

constexpr std::size_t asked_at_once = 100;

}  // namespace

CostWriter::CostWriter(Api& api, CostSource& costs, Mapping mapping, runtime::Metrics& metrics,
                       runtime::Health& health)
    : api_(api),
      costs_(costs),
      mapping_(std::move(mapping)),
      health_(health),
      written_(metrics.counter("oppen_mlflow_costs_written_total",
                               "How often a run's cost was written to MLflow")),
      refused_total_(metrics.counter("oppen_mlflow_costs_refused_total",
                                     "Runs whose cost MLflow did not take; the log says why")) {}

void CostWriter::begin_pass(bool sweeps) {
  sweeps_ = sweeps;
  console_ = {};
  mlflow_ = {};
  seen_.clear();
}

void CostWriter::end_pass() {
  if (sweeps_)
    std::erase_if(refused_, [this](const auto& one) { return !seen_.contains(one.first); });
  health_.set("console", console_);
  if (console_ && mlflow_ && trouble_.end()) SPDLOG_INFO("costs are written again");
}

void CostWriter::take(const std::vector<std::optional<Run>>& page) {
  std::vector<const Run*> runs;
  for (const auto& run : page) {
    if (!console_ || !mlflow_) return;
    if (!run || run->status == "RUNNING" || run->status == "SCHEDULED") continue;
    if (!sweeps_ && (run->tags.contains(cost_tag) || refused_.contains(run->id))) continue;
    runs.push_back(&*run);
    if (runs.size() < asked_at_once) continue;
    ask(runs);
    runs.clear();
  }
  ask(runs);
}

void CostWriter::ask(const std::vector<const Run*>& runs) {
  std::vector<std::string> attempts;
  std::vector<std::pair<const Run*, Outcome>> outcomes;
  for (const auto* run : runs) {
    auto outcome = mapping_.outcome(*run);
    if (!outcome) continue;
    attempts.push_back(outcome->attempt);
    outcomes.emplace_back(run, *std::move(outcome));
  }
  if (attempts.empty()) return;
  const auto costs = costs_.charged(attempts);
  if (!costs) {
    console_ = fail(costs.error());
    if (trouble_.begin_or_due())
      SPDLOG_WARN("no costs are written for now: {}", costs.error().message);
    return;
  }
  for (const auto& [run, outcome] : outcomes) {
    const auto cost = costs->find(outcome.attempt);
    if (cost == costs->end()) continue;
    const auto request = to_write(*run, outcome, cost->second);
    if (!request) continue;
    mlflow_ = write(*run, *request);
    if (mlflow_) continue;
    if (trouble_.begin_or_due())
      SPDLOG_WARN("no costs are written for now: {}", mlflow_.error().message);
    return;
  }
}

Status CostWriter::write(const Run& run, const nlohmann::json& request) {
  health_.beat();
  const auto answer = api_.post("runs/log-batch", request);
  if (answer) {
    written_.add();
    refused_.erase(run.id);
    return {};
  }
  if (answer.error().kind == ErrorKind::unavailable) return fail(answer.error());
  seen_.insert(run.id);
  auto& before = refused_[run.id];
  if (before == answer.error().message) return {};
  before = answer.error().message;
  refused_total_.add();
  SPDLOG_WARN("the cost of run {} can't be written: {}", run.id, before);
  return {};
}

}  // namespace oppen::mlflow
