// Changes that a human approves: simulated, proposed, and what became of them.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "producers/access/event_text.hpp"
#include "producers/access/proposals.hpp"
#include "producers/access/render.hpp"
#include "producers/agent/optimizing.hpp"
#include "producers/agent/simulating.hpp"
#include "producers/agent/tools.hpp"
#include "schemas/parse.hpp"

namespace oppen::agent {
namespace {

using nlohmann::json;
using namespace access;

constexpr auto proposal_kind = "optimization";
constexpr std::size_t most_effects = 20;  // each is one or two questions

Outcome simulate(Backend& backend, const json& arguments) {
  const auto changes = checked_changes(arguments["changes"], backend.now());
  if (!changes) return tl::unexpected(changes.error());
  return simulated(backend, *changes);
}

std::string state_of(const KnownProposal& known, Time now) {
  if (!known.decision) return is_open(known, now) ? "waiting_for_approval" : "expired";
  const auto& decision = known.decision->decision;
  return decision == "approve" ? "approved" : decision == "reject" ? "rejected" : "undone";
}

Outcome apply(Backend& backend, const json& arguments) {
  const auto changes = checked_changes(arguments["changes"], backend.now());
  if (!changes) return tl::unexpected(changes.error());
  const json canonical = changes->amend ? amendment(changes->amend->job_id, changes->amend->changes)
                                        : arguments["changes"];
  const auto id = proposal_id_of(canonical);
  const auto all = backend.proposals();
  if (!all) return failed(all.error());
  const Time now = backend.now();
  if (const auto found = (*all)->find(id); found != (*all)->end()) {
    const auto state = state_of(found->second, now);
    if (state != "expired") {
      return Told{"Proposal " + id + " is there already: " + state + ".\n",
                  {{"proposal_id", id}, {"state", state}, {"already_there", true}}};
    }
  }
  ProposalCreated proposal;
  proposal.proposal_id = id;
  proposal.kind = proposal_kind;
  proposal.changes = canonical;
  proposal.expires_at = now + std::chrono::hours{whole_of(arguments, "expires_in_hours")};
  proposal.summary = text_of(arguments, "summary");
  const auto what = simulated(backend, *changes);
  if (what) {
    proposal.evidence = what->data;
    proposal.predicted_savings = {whole_of(what->data, "savings_microusd")};
  } else if (changes->amend || what.error().kind != ErrorKind::refused) {
    return what;  // of a policy it is refused where its effect can't be told
  }
  if (arguments.contains("predicted_savings_usd"))
    proposal.predicted_savings = micro_usd(arguments["predicted_savings_usd"]);
  if (proposal.summary.empty()) proposal.summary = "Change " + proposed_text(canonical);
  proposal.evidence["proposed_by"] = user_name() + ", by an agent";
  if (const auto sent = backend.propose(proposal); !sent) return failed(sent.error());
  return Told{fmt::format("Proposed: {}\nNothing has changed. A human carries it out with\n  oppen "
                          "approve {}\nor drops it with `oppen reject "
                          "{}`; it expires {}.\nPredicted saving: {}. get_optimization_effect "
                          "tells what became of it.\n",
                          printable(proposal.summary), id, id, to_rfc3339(proposal.expires_at),
                          to_string(proposal.predicted_savings)),
              {{"proposal_id", id},
               {"state", "waiting_for_approval"},
               {"already_there", false},
               {"predicted_savings_microusd", proposal.predicted_savings.value},
               {"approve_command", "oppen approve " + id},
               {"expires_at", to_rfc3339(proposal.expires_at)}}};
}

// Whether the job is as was proposed.
bool is_as_proposed(const json& job, const json& wanted) {
  const auto spec = parse_data<JobSubmit>(job.value("spec", json::object()));
  if (!spec) return false;
  json change = wanted;
  change["requested_by"] = "agent";
  const auto amend = parse_data<JobAmend>(change);
  return amend && amended(spec->spec, amend->changes) == spec->spec;
}

// What the job has cost, or will, against what it was expected to cost without the change.
Status add_job_effect(const Backend& backend, const KnownProposal& known, json& effect) {
  const auto& changes = known.proposal.changes;
  const auto id = text_field(changes, "job_id");
  const auto job = backend.get("jobs/" + escaped(id));
  if (!job) return job.error().kind == ErrorKind::not_found ? Status() : fail(job.error());
  effect["job_state"] = text_field(*job, "state");
  effect["carried_out"] = is_as_proposed(*job, changes);
  const auto forecast = backend.get("forecast/" + escaped(id));
  if (!forecast) {
    return forecast.error().kind == ErrorKind::not_found ? Status() : fail(forecast.error());
  }
  const auto basis = text_field(*forecast, "basis");
  effect["spent_microusd"] = whole_of(*forecast, "spent_microusd");
  effect["final"] = basis == "ended";
  const auto cost = whole_of(forecast->value("total_microusd", json::object()), "expected");
  effect["cost_microusd"] = cost;
  if (known.proposal.evidence.contains("cost_before_microusd")) {
    effect["saved_microusd"] = whole_of(known.proposal.evidence, "cost_before_microusd") - cost;
  }
  return {};
}

// What becomes of a job that is run beyond a budget.
Status add_run_effect(const Backend& backend, const KnownProposal& known, json& effect) {
  const auto job = backend.get("jobs/" + escaped(text_field(known.proposal.changes, "job_id")));
  if (!job) return job.error().kind == ErrorKind::not_found ? Status() : fail(job.error());
  effect["job_state"] = text_field(*job, "state");
  return {};
}

// What was spent a day since the decision, and in the week before it.
Status add_policy_effect(const Backend& backend, const KnownProposal& known, json& effect,
                         Time now) {
  effect["carried_out"] = !known.overrides.empty();
  const auto decided_day = std::chrono::floor<std::chrono::days>(known.decided_at);
  const auto text = [](auto day) { return to_rfc3339(Time(day)).substr(0, 10); };
  const auto spent = [&](auto from, auto to) -> Result<std::int64_t> {
    const auto report = backend.get("report?by=day&from=" + text(from) + "&to=" + text(to));
    if (!report) return fail(report.error());
    return whole_of(report->value("total", json::object()), "total_microusd");
  };
  constexpr std::chrono::days week{7};
  const auto before = spent(decided_day - week, decided_day - std::chrono::days{1});
  if (!before) return fail(before.error());
  const auto since = spent(decided_day, std::chrono::floor<std::chrono::days>(now));
  if (!since) return fail(since.error());
  const double days = std::max(Seconds(now - Time(decided_day)).count() / 86'400, 1.0 / 24);
  effect["spent_since_microusd"] = *since;
  effect["per_day_since_microusd"] = std::llround(static_cast<double>(*since) / days);
  effect["per_day_before_microusd"] = std::llround(static_cast<double>(*before) / 7);
  return {};
}

Status add_effect(const Backend& backend, const KnownProposal& known, json& effect, Time now) {
  const auto& changes = known.proposal.changes;
  if (changes.contains("changes")) return add_job_effect(backend, known, effect);
  if (changes.contains("key")) return add_policy_effect(backend, known, effect, now);
  return add_run_effect(backend, known, effect);
}

// The proposals of apply_optimization that expire last, by id.
std::vector<const std::pair<const std::string, KnownProposal>*> latest(const KnownProposals& all) {
  std::vector<const std::pair<const std::string, KnownProposal>*> own;
  for (const auto& one : all) {
    if (one.second.proposal.kind == proposal_kind) own.push_back(&one);
  }
  std::stable_sort(own.begin(), own.end(), [](const auto* a, const auto* b) {
    return a->second.proposal.expires_at > b->second.proposal.expires_at;
  });
  return own;
}

std::string effect_text(const json& effect) {
  std::string text =
      fmt::format("{}: {}\n  State: {}", text_field(effect, "proposal_id"),
                  printable(text_field(effect, "summary")), text_field(effect, "state"));
  if (effect.contains("by"))
    text += fmt::format(" by {}, {}", printable(text_field(effect, "by")),
                        text_field(effect, "decided_at"));
  text += "\n";
  if (effect.contains("carried_out"))
    text +=
        std::string("  Carried out: ") + (effect.value("carried_out", false) ? "yes" : "no") + "\n";
  text += "  Predicted saving: " + money_field(effect, "predicted_savings_microusd") + "\n";
  if (effect.contains("error"))
    text += "  The rest is not known: " + text_field(effect, "error") + "\n";
  if (effect.contains("job_state")) {
    text += "  Job: " + text_field(effect, "job_state");
    if (effect.contains("spent_microusd"))
      text += ", spent so far " + money_field(effect, "spent_microusd");
    text += "\n";
  }
  if (effect.contains("saved_microusd"))
    text += fmt::format("  Saving {}: {}\n",
                        effect.value("final", false) ? "in the end" : "as foreseen now",
                        money_field(effect, "saved_microusd"));
  if (effect.contains("per_day_since_microusd"))
    text += fmt::format(
        "  Spent since the day of the decision: {}, {} a day ({} a day in the week before)\n",
        money_field(effect, "spent_since_microusd"), money_field(effect, "per_day_since_microusd"),
        money_field(effect, "per_day_before_microusd"));
  return text;
}

Outcome effect(Backend& backend, const json& arguments) {
  const auto read = backend.proposals();
  if (!read) return failed(read.error());
  const auto& all = **read;
  const auto wanted = text_of(arguments, "proposal_id");
  const auto named = all.find(wanted);
  if (!wanted.empty() && named == all.end())
    return failed(ErrorKind::not_found, "there is no proposal " + printable(wanted));
  auto asked = latest(all);
  if (named != all.end()) asked = {&*named};
  const auto left_out = asked.size() - std::min(asked.size(), most_effects);
  asked.resize(asked.size() - left_out);
  const Time now = backend.now();
  Told told{"", {{"proposals", json::array()}, {"left_out", left_out}}};
  for (const auto* const one_of_them : asked) {
    const auto& [id, known] = *one_of_them;
    json one = {{"proposal_id", id},
                {"summary", known.proposal.summary},
                {"state", state_of(known, now)},
                {"predicted_savings_microusd", known.proposal.predicted_savings.value},
                {"changes", known.proposal.changes}};
    if (known.decision) {
      one["by"] = known.decision->by;
      one["decided_at"] = to_rfc3339(known.decided_at);
      if (const auto added = add_effect(backend, known, one, now); !added)
        one["error"] = added.error().message;
    }
    told.text += effect_text(one);
    told.data["proposals"].push_back(std::move(one));
  }
  if (told.text.empty()) told.text = "Nothing has been proposed.\n";
  if (left_out > 0) told.text += fmt::format("... and {} older ones\n", left_out);
  return told;
}

Tool simulate_tool() {
  return {
      "simulate_optimization",
      "Simulate a change",
      "What a change would do to the queue and the costs as they are now: cost, run time and "
      "start of a waiting job with it; or when what waits would start and have run with another "
      "max_concurrent_jobs, backfill_enabled or queue_paused. Changes nothing.",
      Effect::read,
      object_schema({{"changes", changes_schema()}}, {"changes"}),
      told_schema(json::parse(R"json({
            "job_id": {"type": "string"}, "key": {"type": "string"}, "cost_before_microusd": {"type": "integer"},
            "cost_after_microusd": {"type": "integer"}, "savings_microusd": {"type": "integer"}, "savings_percent": {"type": "number"},
            "seconds_before": {"type": "number"}, "seconds_after": {"type": "number"},
            "plan": {"type": "object", "description": "Place, start and end if the job came so now."},
            "now": {"type": "object", "description": "The same as it is."},
            "before": {"type": "object", "description": "Of a policy, as it is: jobs_that_start; of these mean_wait_seconds, last_end, until_all_have_run_seconds; hourly_microusd where all start."},
            "after": {"type": "object", "description": "The same with the change."},
            "waiting": {"type": "integer"}, "start_earlier": {"type": "integer"}, "start_later": {"type": "integer"},
            "as_of": {"type": "string", "format": "date-time", "description": "The queue was looked at then."},
            "outdated": {"type": "string", "description": "Why this is not of now; absent where it is."},
            "basis": {"type": "string"}})json"),
                  {"savings_microusd", "basis"}),
      {{"changes", example_changes()}},
      simulate};
}

Tool apply_tool() {
  return {
      "apply_optimization",
      "Propose a change for approval",
      "Publishes a change as a proposal. Nothing changes until a human approves it with `oppen "
      "approve`; it can be undone with `oppen undo`. "
      "The same changes are proposed once. get_optimization_effect tells what became of it.",
      Effect::add,
      object_schema({{"changes", changes_schema()},
                     {"summary",
                      {{"type", "string"},
                       {"maxLength", 500},
                       {"description", "What for, for whom approves."}}},
                     {"predicted_savings_usd",
                      {{"type", "number"},
                       {"minimum", 0},
                       {"maximum", 1e9},
                       {"description", "Without it what the simulation says."}}},
                     {"expires_in_hours", limit_schema(24, 720, "How long it can be approved.")}},
                    {"changes"}),
      told_schema(json::parse(R"json({
            "proposal_id": {"type": "string"}, "state": {"type": "string"}, "already_there": {"type": "boolean"},
            "predicted_savings_microusd": {"type": "integer"}, "approve_command": {"type": "string"}, "expires_at": {"type": "string"}})json"),
                  {"proposal_id", "state"}),
      {{"changes", example_changes()}, {"summary", "llm-7 can be repeated: take spot nodes"}},
      apply};
}

Tool effect_tool() {
  return {"get_optimization_effect",
          "What became of a proposal",
          "Of each proposed change: whether it waits, was approved, rejected or undone, by whom, "
          "whether it is carried out, and what was saved or spent "
          "since, against the prediction.",
          Effect::read,
          object_schema(json::parse(
              R"json({"proposal_id": {"type": "string", "minLength": 1, "maxLength": 200,
            "description": "Without it the latest 20 that were proposed by apply_optimization."}})json")),
          told_schema(
              json::parse(
                  R"json({"proposals": {"type": "array", "items": {"type": "object", "properties": {
            "proposal_id": {"type": "string"}, "state": {"type": "string", "description": "waiting_for_approval, approved, rejected, undone, expired."},
            "error": {"type": "string", "description": "Why the rest is not known."},
            "carried_out": {"type": "boolean"}, "predicted_savings_microusd": {"type": "integer"},
            "saved_microusd": {"type": "integer", "description": "Expected cost without the change less the cost with it."},
            "final": {"type": "boolean"}, "spent_microusd": {"type": "integer"},
            "per_day_since_microusd": {"type": "integer"}, "per_day_before_microusd": {"type": "integer"}}}},
            "left_out": {"type": "integer", "description": "Older ones."}})json"),
              {"proposals", "left_out"}),
          {{"proposal_id", "opt-llm-7-0123456789abcdef"}},
          effect};
}

}  // namespace

void add_change_tools(std::vector<Tool>& tools) {
  for (const auto tool : {simulate_tool, apply_tool, effect_tool}) tools.push_back(tool());
}

}  // namespace oppen::agent
