#include "scheduler/core/policies.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "scheduler/core/events.hpp"
#include "scheduler/kube/pod_template.hpp"
#include "schemas/control.hpp"
#include "workers/cost/pricing/config_map.hpp"
#include "workers/runtime/log.hpp"

namespace oppen::core {
namespace {

using nlohmann::json;
using ConfigMap = std::map<std::string, std::string>;

// policy.changed carries all of it whole, and a record of `control` is at most 1 MB.
constexpr std::size_t max_bytes = 400'000;

std::size_t size_of(const ConfigMap& data) {
  std::size_t size = 0;
  for (const auto& [key, value] : data) size += key.size() + value.size();
  return size;
}

// Key of policy.changed on `control`, and where Redis keeps what is in force.
constexpr auto policy_key = "policy";
constexpr auto overrides_key = "overrides";

// Errors: what is wrong, in sentences.
tl::expected<plan::Policy, std::string> read_policy(const ConfigMap& data) {
  auto policy = plan::parse_policy(data);
  if (!policy) return tl::unexpected(sentences(policy.error()));
  for (const auto& [model_type, entry] : policy->model_catalog) {
    if (const auto checked = kube::check_pod_template(entry.pod_template_json); !checked) {
      return tl::unexpected(
          fmt::format("model_catalog.{}.pod_template: {}", model_type, checked.error().message));
    }
  }
  return std::move(*policy);
}

tl::expected<pricing::CostModel, std::string> read_cost_model(const ConfigMap& data) {
  auto model = pricing::parse_cost_model(data);
  if (!model) return tl::unexpected(sentences(model.error()));
  return std::move(*model);
}

}  // namespace

Policies::Policies(State& state, SetAside set_aside, TemplateCheck::Post post, Others others)
    : state_(state),
      set_aside_(std::move(set_aside)),
      others_(std::move(others)),
      templates_(state, std::move(post), [this] { return look_again(); }),
      refused_(state.metrics.counter("oppen_policy_refused_total",
                                     "Changes of a ConfigMap that were refused as invalid")) {}

Policies::Verdict Policies::judge(const ConfigMap& policies) {
  const auto policy = read_policy(policies);
  if (!policy) return {false, policy.error()};
  auto templates = templates_.judge(*policy);
  if (templates.open || templates.fault.empty()) return {templates.open, std::nullopt};
  return {false, std::move(templates.fault)};
}

Policies::Verdict Policies::take(std::size_t which, const ConfigMap& data) {
  Verdict verdict;
  if (size_of(data) > max_bytes) {
    verdict.fault = fmt::format("it has {} bytes, expected at most {}", size_of(data), max_bytes);
  } else if (which == 0) {
    verdict = judge(data);
  } else if (const auto model = read_cost_model(data); !model) {
    verdict.fault = model.error();
  }
  if (verdict.fault) {
    // In this order: who sees the count finds the line.
    spdlog::error("ConfigMap {} is refused, the last good one stays: {}",
                  which == 0 ? scheduling_policies : cost_model, *verdict.fault);
    refused_.add();
  } else if (!verdict.open) {
    in_force_[which] = data;
  }
  return verdict;
}

// What was good over an earlier ConfigMap, or beside an override that has ended, may not be so now: the ConfigMaps count, and
// overrides give way.
void Policies::apply() {
  const auto policy_with = [this](const Overrides& all) {
    return read_policy(all.over(in_force_[0], plan::is_policy_key));
  };
  const auto model_with = [this](const Overrides& all) {
    return read_cost_model(all.over(in_force_[1], pricing::is_cost_model_key));
  };
  const auto fits = [&](const Overrides& all) { return policy_with(all) && model_with(all); };
  if (overrides_.end(state_.clock.now())) changed_ = true;
  if (!fits(overrides_)) {
    if (!looked_at()) return;  // they may fit what is not known yet
    overrides_.keep_fitting(fits);
    changed_ = true;
  }
  auto policy = policy_with(overrides_);
  auto model = model_with(overrides_);
  if (policy) state_.policy = std::make_shared<const plan::Policy>(std::move(*policy));
  if (model) state_.cost_model = std::make_shared<const pricing::CostModel>(std::move(*model));
  const auto* const pause = overrides_.find("queue_paused");
  state_.paused_until = pause != nullptr ? pause->until : std::nullopt;
}

Status Policies::load() {
  const auto overrides = state_.store.value(overrides_key);
  if (!overrides) return fail(overrides.error());
  if (*overrides) {
    auto parsed = Overrides::parse(**overrides);
    if (!parsed) return fail(parsed.error());
    overrides_ = std::move(*parsed);
  }
  const auto text = state_.store.value(policy_key);
  if (!text) return fail(text.error());
  if (*text) {
    const auto policy = parse_data<PolicyChanged>(json::parse(**text, nullptr, false));
    if (!policy)
      return fail(ErrorKind::fatal, "the policy in Redis is broken: " + sentences(policy.error()));
    loaded_ = true;
    if (const auto in_force = read_policy(policy->scheduling_policies)) templates_.trust(*in_force);
    take(0, policy->scheduling_policies);
    take(1, policy->cost_model);
  }
  apply();
  templates_.trust(*state_.policy);
  return {};
}

Status Policies::on_config_map(const std::string& name, const std::optional<ConfigMap>& data) {
  const std::size_t which = name == scheduling_policies ? 0 : 1;
  if (which == 0) open_.reset();  // whatever it was, it is not shown any more
  Verdict verdict;
  const bool is_new = data && in_force_[which] != *data;
  if (is_new) verdict = take(which, *data);
  if (verdict.open) {
    open_ = data;
    return {};
  }
  const bool first = !seen_[which];
  seen_[which] = true;
  if (!data) {
    spdlog::warn("there is no ConfigMap {}: {}", name,
                 in_force_[which].empty() ? "the defaults apply" : "the last good one stays");
    if (first) changed_ = changed_ || !loaded_;
  } else if (is_new && !verdict.fault) {
    spdlog::info("ConfigMap {} is in force", name);
    changed_ = true;
    apply();
  }
  if (auto status = publish_when_complete(); !status) return status;
  return handle_waiting();
}

Status Policies::look_again() {
  if (const auto shown = std::exchange(open_, std::nullopt))
    return on_config_map(scheduling_policies, shown);
  return handle_waiting();
}

Status Policies::on_control(client::ConsumedRecord record) {
  waiting_.push_back(std::move(record));
  return handle_waiting();
}

// Overrides are judged over the ConfigMaps, so these come first.
Status Policies::handle_waiting() {
  while (looked_at() && !waiting_.empty() && !setting_aside_ && !templates_.asking()) {
    const auto verdict = handle(waiting_.front());
    if (!verdict) return fail(verdict.error());
    if (verdict->open) return {};
    const auto offset = waiting_.front().offset;
    if (verdict->fault) {
      setting_aside_ = true;
      return set_aside_(waiting_.front(), *verdict->fault, [this, offset]() -> Status {
        setting_aside_ = false;
        if (auto status = handled(offset); !status) return status;
        return handle_waiting();
      });
    }
    if (auto status = handled(offset); !status) return status;
  }
  return {};
}

Result<Policies::Verdict> Policies::handle(const client::ConsumedRecord& record) {
  const auto event = decode(record.record);
  if (!event) return Verdict{false, event.error().message};
  if (event->type != PolicyOverride::type) {
    return others_(*event, record).map([](std::optional<std::string> fault) {
      return Verdict{false, std::move(fault)};
    });
  }
  auto change = parse_data<PolicyOverride>(event->data);
  if (!change) return Verdict{false, sentences(change.error())};
  // As it was when it was said, so that reading it again later comes to the same.
  auto all = overrides_;
  all.end(record.timestamp);
  all.put(*change);
  if (auto verdict = judge(*change, all); verdict.open || verdict.fault) return verdict;
  spdlog::info("{} is overridden with \"{}\"{}", change->key, change->value,
               change->until ? " until " + to_rfc3339(*change->until) : "");
  overrides_ = std::move(all);
  changed_ = true;
  queue::Changes changes;
  changes.cause(std::string(topics::control), record.offset);
  Status status;
  if (caught_up_) {
    apply();
    status = publish_when_complete(std::move(changes));
  } else {
    changes.value(overrides_key, overrides_.text());
    status = state_.commit(std::move(changes)).map([](auto&&) {});
  }
  if (!status) return fail(status.error());
  stored_control_ = record.offset + 1;
  return Verdict();
}

Policies::Verdict Policies::judge(const PolicyOverride& change, const Overrides& all) {
  if (all.bytes() > max_override_bytes) {
    return {false, fmt::format("the overrides would take {} bytes: expected at most {}",
                               all.bytes(), max_override_bytes)};
  }
  if (plan::is_policy_key(change.key)) return judge(all.over(in_force_[0], plan::is_policy_key));
  if (pricing::is_cost_model_key(change.key)) {
    const auto model = read_cost_model(all.over(in_force_[1], pricing::is_cost_model_key));
    return {false, model ? std::nullopt : std::optional(model.error())};
  }
  return {false, FieldError{"key", pricing::shown(change.key),
                            fmt::format("a key of the ConfigMap {} or {}", scheduling_policies,
                                        cost_model)}
                     .sentence()};
}

Status Policies::handled(std::int64_t offset) {
  waiting_.pop_front();
  next_control_ = offset + 1;
  if (caught_up_ || offset < state_.epoch) return {};
  caught_up_ = true;
  apply();
  return publish_when_complete();
}

Status Policies::tick() {
  if (templates_.take_unanswered()) {
    if (auto status = look_again(); !status) return status;
  }
  if (!complete()) return {};
  if (auto left = overrides_; left.end(state_.clock.now())) {
    spdlog::info("an override has ended");
    apply();
    return publish_when_complete();
  }
  if (next_control_ <= stored_control_) return {};
  // Records that are none of ours need not be read again.
  queue::Changes changes;
  changes.cause(std::string(topics::control), next_control_ - 1);
  stored_control_ = next_control_;
  return state_.commit(std::move(changes)).map([](auto&&) {});
}

// Everything, whole: consumers would price by the defaults of what is not read yet.
Status Policies::publish_when_complete(queue::Changes changes) {
  if (!complete() || !changed_) return {};
  changed_ = false;
  const auto now = state_.clock.now();
  PolicyChanged event;
  event.scheduling_policies = in_force_[0];
  event.cost_model = in_force_[1];
  event.overrides = overrides_.all();
  event.effective_from = now;
  changes.value(policy_key, to_text(event))
      .value(overrides_key, overrides_.text())
      .event(
          entry(topics::control, policy_key, "policy/" + short_digest(to_text(event)), event, now));
  return state_.commit(std::move(changes)).map([](auto&&) {});
}

}  // namespace oppen::core
