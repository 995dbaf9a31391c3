#include "scheduler/core/template_check.hpp"

#include <fmt/format.h>

#include <vector>

#include "scheduler/kube/pod_manifest.hpp"

namespace oppen::core {
namespace {

constexpr std::chrono::seconds answer_within{10};
// Forgetting costs a question; more than this a ConfigMap can't hold.
constexpr std::size_t most_known = 16'384;

// As a job gets it that says nothing but its model type, whatever else the policies say.
std::string pod_of(const std::string& model_type, const plan::ModelEntry& entry,
                   const std::string& pod_namespace) {
  plan::Policy bare;
  bare.model_catalog[model_type] = entry;
  JobSpec job;
  job.job_id = "template-check";
  job.model_type = model_type;
  kube::PodContext context;
  context.pod_namespace = pod_namespace;
  context.attempt = 0;  // no pod of a job has this name
  context.pod_template_json = entry.pod_template_json;
  return kube::pod_manifest(plan::resolve(std::move(job), bare).value(), context);
}

}  // namespace

TemplateCheck::TemplateCheck(State& state, Post post, std::function<Status()> on_answers)
    : state_(state), post_(std::move(post)), on_answers_(std::move(on_answers)) {}

TemplateCheck::Verdict TemplateCheck::judge(const plan::Policy& policy) {
  if (known_.size() > most_known && !asking()) known_.clear();
  Verdict verdict;
  std::vector<std::string> refused;
  for (const auto& [model_type, entry] : policy.model_catalog) {
    if (entry.pod_template_json.empty()) continue;
    auto manifest = pod_of(model_type, entry, state_.pod_namespace);
    const auto key = short_digest(manifest);
    const auto [found, is_new] = known_.try_emplace(key);
    if (is_new) ask(key, model_type, std::move(manifest));
    if (found->second.answer == Answer::open) verdict.open = true;
    if (found->second.answer != Answer::refused) continue;
    refused.push_back(key);
    verdict.fault += (verdict.fault.empty() ? "" : "; ") + found->second.fault;
  }
  if (verdict.open) return {true, ""};
  // Not for ever: what refuses it may be a setting of the cluster, and the next try is asked about anew.
  for (const auto& key : refused) known_.erase(key);
  return verdict;
}

void TemplateCheck::trust(const plan::Policy& policy) {
  for (const auto& [model_type, entry] : policy.model_catalog) {
    if (entry.pod_template_json.empty()) continue;
    known_[short_digest(pod_of(model_type, entry, state_.pod_namespace))] = {Answer::taken, ""};
  }
}

void TemplateCheck::ask(const std::string& key, const std::string& model_type,
                        std::string manifest) {
  ++open_;
  state_.kube.check(
      std::move(manifest), answer_within,
      [this, post = post_, key, model_type](const Status& answer) {
        post([this, key, model_type, answer] { return on_answer(key, model_type, answer); });
      });
}

Status TemplateCheck::on_answer(const std::string& key, const std::string& model_type,
                                const Status& answer) {
  --open_;
  if (answer) {
    known_[key].answer = Answer::taken;
  } else if (answer.error().kind == ErrorKind::invalid) {
    known_[key] = {Answer::refused, fmt::format("model_catalog.{}.pod_template: {}", model_type,
                                                answer.error().message)};
  } else {
    known_.erase(key);
    unanswered_ = true;
    if (trouble_.begin_or_due()) {
      spdlog::warn("a change of the model catalogue waits until Kubernetes has judged it: {}",
                   answer.error().message);
    }
  }
  if (asking()) return {};
  // What got no answer is asked about again by the next tick, not at once.
  if (unanswered_) return {};
  trouble_.end();
  return on_answers_();
}

}  // namespace oppen::core
