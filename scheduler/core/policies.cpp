#include "scheduler/core/policies.hpp"

#include <nlohmann/json.hpp>

#include "scheduler/core/events.hpp"
#include "scheduler/kube/pod_template.hpp"
#include "schemas/control.hpp"
#include "workers/runtime/log.hpp"

namespace oppen::core {
namespace {

using nlohmann::json;

// policy.changed carries both whole, and a record of `control` is at most 1 MB.
constexpr std::size_t max_bytes = 400'000;

std::size_t size_of(const std::map<std::string, std::string>& data) {
  std::size_t size = 0;
  for (const auto& [key, value] : data) size += key.size() + value.size();
  return size;
}

// Key of policy.changed on `control`, and where Redis keeps what is in force.
constexpr auto policy_key = "policy";

}  // namespace

Policies::Policies(State& state)
    : state_(state),
      refused_(state.metrics.counter("oppen_policy_refused_total",
                                     "Changes of a ConfigMap that were refused as invalid")) {}

bool Policies::apply_scheduling(const ConfigMap& data) {
  auto policy = plan::parse_policy(data);
  if (!policy) {
    refused_.add();
    spdlog::error("ConfigMap {} is refused, the last good one stays: {}", scheduling_policies,
                  sentences(policy.error()));
    return false;
  }
  for (const auto& [model_type, entry] : policy->model_catalog) {
    if (const auto checked = kube::check_pod_template(entry.pod_template_json); !checked) {
      refused_.add();
      spdlog::error(
          "ConfigMap {} is refused, the last good one stays: model_catalog.{}.pod_template: {}",
          scheduling_policies, model_type, checked.error().message);
      return false;
    }
  }
  state_.policy = std::make_shared<const plan::Policy>(std::move(*policy));
  in_force_[0] = data;
  return true;
}

bool Policies::apply_cost(const ConfigMap& data) {
  auto model = pricing::parse_cost_model(data);
  if (!model) {
    refused_.add();
    spdlog::error("ConfigMap {} is refused, the last good one stays: {}", cost_model,
                  sentences(model.error()));
    return false;
  }
  state_.cost_model = std::make_shared<const pricing::CostModel>(std::move(*model));
  in_force_[1] = data;
  return true;
}

Status Policies::load() {
  const auto text = state_.store.value(policy_key);
  if (!text) return fail(text.error());
  if (!*text) return {};
  const auto data = json::parse(**text, nullptr, false);
  const auto policy = parse_data<PolicyChanged>(data);
  if (!policy)
    return fail(ErrorKind::fatal, "the policy in Redis is broken: " + sentences(policy.error()));
  loaded_ = true;
  apply_scheduling(policy->scheduling_policies);
  apply_cost(policy->cost_model);
  return {};
}

Status Policies::on_config_map(const std::string& name, const std::optional<ConfigMap>& data) {
  const std::size_t which = name == scheduling_policies ? 0 : 1;
  const bool first = !seen_[which];
  seen_[which] = true;
  if (!data) {
    spdlog::warn("there is no ConfigMap {}: {}", name,
                 in_force_[which].empty() ? "the defaults apply" : "the last good one stays");
    if (first) changed_ = changed_ || !loaded_;
    return publish_when_complete();
  }
  if (in_force_[which] != *data) {
    if (size_of(*data) > max_bytes) {
      refused_.add();
      spdlog::error(
          "ConfigMap {} is refused, the last good one stays: it has {} bytes, expected at most {}",
          name, size_of(*data), max_bytes);
    } else if (which == 0 ? apply_scheduling(*data) : apply_cost(*data)) {
      spdlog::info("ConfigMap {} is in force", name);
      changed_ = true;
    }
  }
  return publish_when_complete();
}

// Both, whole: consumers would price by the defaults of one that is not read yet.
Status Policies::publish_when_complete() {
  if (!complete() || !changed_) return {};
  changed_ = false;
  const auto now = state_.clock.now();
  PolicyChanged event;
  event.scheduling_policies = in_force_[0];
  event.cost_model = in_force_[1];
  event.effective_from = now;
  queue::Changes changes;
  changes.value(policy_key, to_text(event))
      .event(
          entry(topics::control, policy_key, "policy/" + short_digest(to_text(event)), event, now));
  return state_.commit(changes).map([](auto&&) {});
}

}  // namespace oppen::core
