#include "producers/access/proposals.hpp"

#include <nlohmann/json.hpp>

#include "producers/access/event_text.hpp"
#include "producers/access/render.hpp"
#include "producers/client/read_topic.hpp"
#include "schemas/parse.hpp"
#include "schemas/topics.hpp"

namespace oppen::access {
namespace {

using nlohmann::json;

// As the scheduler takes them: of those that change something the first counts, until it expires undecided; to run a job beyond a budget the
// last one is meant, of whatever attempt and period it is now.
bool gives_way(const KnownProposal& known, Time now) {
  return !names_changes(known) || !(known.decision || is_open(known, now));
}

// Whether a decision takes effect. Those on a job are taken anew each time, and are none on a change whose proposal bears the id of that job.
bool takes(const KnownProposal& known, const ApprovalDecided& decision, Time now) {
  if (!names_changes(known)) return true;
  if (decision.proposal_id.empty()) return false;
  if (decision.decision == "undo") return known.decision && known.decision->decision == "approve";
  return is_open(known, now);
}

}  // namespace

bool names_changes(const KnownProposal& known) {
  const auto& changes = known.proposal.changes;
  return changes.contains("key") || changes.contains("changes");
}

bool is_open(const KnownProposal& known, Time now) {
  return !known.decision && known.proposal.expires_at > now;
}

Result<std::map<std::string, KnownProposal>> read_proposals(const Endpoints& endpoints) {
  const auto settings = endpoints.kafka();
  if (!settings) return fail(settings.error());
  std::map<std::string, KnownProposal> all;
  const auto take = [&](const client::ConsumedRecord& record) {
    const auto event = decode(record.record);
    if (!event) return;
    if (event->type == ProposalCreated::type) {
      auto proposal = parse_data<ProposalCreated>(event->data);
      if (!proposal) return;
      const auto id = proposal->proposal_id;
      const auto earlier = all.find(id);
      if (earlier != all.end() && !gives_way(earlier->second, record.timestamp)) return;
      all[id] = {*std::move(proposal), std::nullopt, {}, {}};
    } else if (event->type == ApprovalDecided::type) {
      auto decision = parse_data<ApprovalDecided>(event->data);
      if (!decision) return;
      const auto found =
          all.find(decision->proposal_id.empty() ? decision->job_id : decision->proposal_id);
      if (found == all.end() || !takes(found->second, *decision, record.timestamp)) return;
      found->second.decision = *std::move(decision);
      found->second.decided_at = event->time;
    } else if (event->type == PolicyOverride::type) {
      auto change = parse_data<PolicyOverride>(event->data);
      if (!change) return;
      const auto found = all.find(change->because);
      if (found != all.end()) found->second.overrides.push_back(*std::move(change));
    }
  };
  const auto read = client::read_topic(*settings, topics::control, take, [] { return true; });
  if (!read) return fail(endpoints.kafka_error(read.error()));
  return all;
}

json to_json(const KnownProposal& known) {
  json one = to_data(known.proposal);
  if (!known.decision) return one;
  one["decision"] = known.decision->decision;
  one["by"] = known.decision->by;
  one["reason"] = known.decision->reason;
  one["decided_at"] = to_rfc3339(known.decided_at);
  json overrides = json::array();
  for (const auto& change : known.overrides) overrides.push_back(to_data(change));
  one["overrides"] = std::move(overrides);
  return one;
}

std::string proposed_text(const json& changes) {
  std::string text;
  if (changes.contains("key")) {
    text = text_field(changes, "key") + "=" + text_field(changes, "value");
  } else if (changes.contains("changes") && changes["changes"].is_object()) {
    for (const auto& [field, value] : changes["changes"].items()) {
      text += field + "=" + (value.is_string() ? value.get<std::string>() : value.dump()) + " ";
    }
    text += "of job " + text_field(changes, "job_id");
  }
  return printable(text);
}

}  // namespace oppen::access
