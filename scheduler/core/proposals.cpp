#include "scheduler/core/proposals.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "scheduler/core/events.hpp"
#include "scheduler/core/overrides.hpp"
#include "scheduler/plan/policy.hpp"
#include "schemas/commands.hpp"
#include "workers/cost/pricing/config_map.hpp"
#include "workers/cost/pricing/pricing.hpp"
#include "workers/runtime/log.hpp"

namespace oppen::core {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr std::size_t max_id_bytes = 200;

std::string key_of(const std::string& proposal_id) { return "proposal:" + proposal_id; }

bool is_override(const json& changes) { return changes.contains("key"); }

// Why its changes can be no event; "": they can. An outbox entry that no broker takes would be in the way of all behind it.
std::string fault_of(const ProposalCreated& proposal) {
  const auto& id = proposal.proposal_id;
  const bool readable = std::none_of(
      id.begin(), id.end(), [](unsigned char letter) { return letter < ' ' || letter == 0x7f; });
  if (!readable || id.size() > max_id_bytes) {
    return FieldError{"proposal_id", pricing::shown(id),
                      fmt::format("at most {} bytes without control characters", max_id_bytes)}
        .sentence();
  }
  const auto& changes = proposal.changes;
  if (const auto bytes = changes.dump().size(); bytes > max_override_bytes)
    return fmt::format("changes take {} bytes: expected at most {}", bytes, max_override_bytes);
  if (!is_override(changes)) {
    const auto parsed = parse_data<JobAmend>(changes);
    return parsed ? "" : sentences(parsed.error());
  }
  const auto parsed = parse_data<PolicyOverride>(changes);
  if (!parsed) return sentences(parsed.error());
  if (plan::is_policy_key(parsed->key) || pricing::is_cost_model_key(parsed->key)) return "";
  return FieldError{"key", pricing::shown(parsed->key), "a key of a policy or of the cost model"}
      .sentence();
}

// By the clock of the log, by which whoever reads it again comes to the same.
bool has_expired(const json& kept, Time at) {
  if (kept.value("state", "") != "open") return false;
  const auto expires = parse_rfc3339(kept.value("expires", ""));
  return expires && *expires <= at;
}

// What the changed fields were. One that was not given can't be given back.
json before(const JobAmend::Changes& changes, const JobSpec& spec) {
  JobAmend::Changes earlier;
  if (changes.priority) earlier.priority = spec.priority;
  if (changes.window) earlier.window = spec.window;
  if (changes.batch_size) earlier.batch_size = spec.batch_size;
  if (changes.spot) earlier.spot = spec.spot;
  if (changes.gpu_type && !spec.resources.gpu_type.empty())
    earlier.gpu_type = spec.resources.gpu_type;
  return to_data(JobAmend{spec.job_id, earlier, ""});
}

}  // namespace

Status Proposals::load() {
  const auto until = state_.store.meta(replay_field);
  if (!until) return fail(until.error());
  replay_until_ = *until ? std::strtoll((*until)->c_str(), nullptr, 10) : 0;
  return {};
}

template <class Event>
void Proposals::emit(std::string_view topic, const std::string& key, const Event& event,
                     const std::string& proposal_id, std::int64_t offset,
                     queue::Changes& changes) const {
  if (offset < replay_until_) return;
  changes.event(entry(topic, key, fmt::format("proposal/{}/{}", proposal_id, offset), event,
                      state_.clock.now()));
}

Result<json> Proposals::read(const std::string& id) {
  const auto text = state_.store.value(key_of(id));
  if (!text) return fail(text.error());
  if (!*text) return json();
  auto kept = json::parse(**text, nullptr, false);
  if (!kept.is_object() || !kept.contains("changes"))
    return fail(ErrorKind::fatal, "proposal " + id + " in Redis is broken");
  return kept;
}

Result<json> Proposals::override_in_force(const std::string& key) {
  const auto text = state_.store.value("overrides");
  if (!text) return fail(text.error());
  if (!*text) return json();
  const auto overrides = Overrides::parse(**text);
  if (!overrides) return fail(overrides.error());
  const auto* const found = overrides->find(key);
  return found == nullptr ? json() : to_data(*found);
}

Result<std::optional<std::string>> Proposals::take(const ProposalCreated& proposal,
                                                   const client::ConsumedRecord& record) {
  const auto nothing = std::optional<std::string>();
  const auto& changes = proposal.changes;
  if (!is_override(changes) && !changes.contains("changes")) return nothing;
  if (auto fault = fault_of(proposal); !fault.empty())
    return std::optional("a proposal that changes something: " + fault);
  if (proposal.expires_at <= record.timestamp) return nothing;
  const auto known = read(proposal.proposal_id);
  if (!known) return fail(known.error());
  // The first one of an id counts, until it expires undecided.
  if (!known->is_null() && !has_expired(*known, record.timestamp)) return nothing;
  const json kept{
      {"changes", changes}, {"expires", to_rfc3339(proposal.expires_at)}, {"state", "open"}};
  queue::Changes all;
  all.cause(std::string(topics::control), record.offset)
      .value(key_of(proposal.proposal_id), kept.dump(),
             std::chrono::ceil<milliseconds>(std::max(proposal.expires_at, state_.clock.now()) -
                                             state_.clock.now()) +
                 undone_within);
  return state_.commit(std::move(all)).map([&](auto&&) { return nothing; });
}

Result<bool> Proposals::approve(json& kept, const ApprovalDecided& decision, std::int64_t offset,
                                queue::Changes& changes) {
  const auto& id = decision.proposal_id;
  if (is_override(kept["changes"])) {
    auto change = parse_data<PolicyOverride>(kept["changes"]).value();
    change.because = id;
    auto earlier = override_in_force(change.key);
    if (!earlier) return fail(earlier.error());
    kept["before"] = std::move(*earlier);
    emit(topics::control, change.key, change, id, offset, changes);
    return true;
  }
  auto amend = parse_data<JobAmend>(kept["changes"]).value();
  amend.requested_by = decision.by;
  const auto job = state_.store.job(amend.job_id);
  if (!job) return fail(job.error());
  // One that does not wait any more is answered as every other: job.amend-refused.
  if (*job) kept["before"] = before(amend.changes, (*job)->spec);
  emit(topics::jobs, amend.job_id, amend, id, offset, changes);
  return true;
}

Result<bool> Proposals::undo(const json& kept, const ApprovalDecided& decision,
                             const client::ConsumedRecord& record, queue::Changes& changes) {
  const auto& id = decision.proposal_id;
  const auto earlier = kept.value("before", json());
  if (!is_override(kept["changes"])) {
    auto amend = parse_data<JobAmend>(earlier);
    if (!amend) return false;  // nothing of it was given before
    amend->requested_by = decision.by;
    emit(topics::jobs, amend->job_id, *amend, id, record.offset, changes);
    return true;
  }
  auto change = parse_data<PolicyOverride>(kept["changes"]).value();
  const auto present = override_in_force(change.key);
  if (!present) return fail(present.error());
  // Somebody has said something else since. The proposal's own may not have been read back yet.
  if (!present->is_null() && *present != earlier && present->value("because", "") != id)
    return false;
  if (!earlier.is_null()) {
    change = parse_data<PolicyOverride>(earlier).value();
  } else {
    change.because = id;
    change.until = record.timestamp;  // which is over
  }
  emit(topics::control, change.key, change, id, record.offset, changes);
  return true;
}

Result<bool> Proposals::decide(const ApprovalDecided& decision,
                               const client::ConsumedRecord& record) {
  const auto& id = decision.proposal_id;
  if (id.empty()) return false;
  const auto known = read(id);
  if (!known) return fail(known.error());
  if (known->is_null()) return false;
  auto kept = *known;
  const auto state = has_expired(kept, record.timestamp) ? "expired" : kept.value("state", "");
  queue::Changes changes;
  changes.cause(std::string(topics::control), record.offset);
  Result<bool> taken = false;
  if (decision.decision == "approve" && state == "open") {
    taken = approve(kept, decision, record.offset, changes);
    kept["state"] = "approved";
  } else if (decision.decision == "undo" && state == "approved") {
    taken = undo(kept, decision, record, changes);
    kept["state"] = "undone";
  } else if (decision.decision == "reject" && state == "open") {
    taken = true;
    kept["state"] = "rejected";
  }
  if (!taken) return fail(taken.error());
  if (!*taken) {
    spdlog::info("{} of proposal {} by {} changes nothing", decision.decision, id, decision.by);
    return true;
  }
  spdlog::info("proposal {} is {} by {}", id, kept["state"].get<std::string>(), decision.by);
  changes.value(key_of(id), kept.dump(), undone_within);
  return state_.commit(std::move(changes)).map([](auto&&) { return true; });
}

}  // namespace oppen::core
