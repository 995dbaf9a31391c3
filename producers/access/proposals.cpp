#include "producers/access/proposals.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

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

// Most of what is on `control` is of budgets: what says so at once need not be read.
bool may_be_of_proposals(const KafkaRecord& record) {
  const auto type = std::find_if(record.headers.begin(), record.headers.end(),
                                 [](const auto& header) { return header.first == "ce_type"; });
  return type == record.headers.end() || type->second == ProposalCreated::type ||
         type->second == ApprovalDecided::type || type->second == PolicyOverride::type;
}

}  // namespace

bool names_changes(const KnownProposal& known) {
  const auto& changes = known.proposal.changes;
  return changes.contains("key") || changes.contains("changes");
}

bool is_open(const KnownProposal& known, Time now) {
  return !known.decision && known.proposal.expires_at > now;
}

void ProposalReader::count(KnownProposal& known, const client::ConsumedRecord& record) {
  const auto bytes = record.record.value ? record.record.value->size() : 0;
  known.bytes += bytes;
  bytes_ += bytes;
}

void ProposalReader::forget(KnownProposals::iterator known) {
  bytes_ -= known->second.bytes;
  all_.erase(known);
}

// What somebody has still to decide stays longest; then what was decided of a change: it is not to be proposed anew.
int worth(const KnownProposal& known, Time now) {
  if (is_open(known, now)) return 2;
  return names_changes(known) && known.decision ? 1 : 0;
}

// A tenth, so that it is not done for each one that comes.
void ProposalReader::forget_some(Time now) {
  if (all_.size() <= most_known && bytes_ <= most_known_bytes) return;
  std::vector<std::tuple<int, std::int64_t, KnownProposals::iterator>> in_order;
  for (auto one = all_.begin(); one != all_.end(); ++one)
    in_order.emplace_back(worth(one->second, now), one->second.offset, one);
  std::sort(in_order.begin(), in_order.end(), [](const auto& a, const auto& b) {
    return std::tie(std::get<0>(a), std::get<1>(a)) < std::tie(std::get<0>(b), std::get<1>(b));
  });
  for (const auto& [worth, offset, one] : in_order) {
    if (all_.size() <= most_known / 10 * 9 && bytes_ <= most_known_bytes / 10 * 9) return;
    forget(one);
  }
}

void ProposalReader::take(const client::ConsumedRecord& record) {
  if (record.offset < next_) {  // the topic was made anew
    all_.clear();
    bytes_ = 0;
  }
  next_ = record.offset + 1;
  if (!may_be_of_proposals(record.record)) return;
  const auto event = decode(record.record);
  if (!event) return;
  if (event->type == ProposalCreated::type) {
    auto proposal = parse_data<ProposalCreated>(event->data);
    if (!proposal) return;
    const auto id = proposal->proposal_id;
    const auto earlier = all_.find(id);
    if (earlier != all_.end()) {
      if (!gives_way(earlier->second, record.timestamp)) return;
      forget(earlier);
    }
    auto& known = all_[id];
    known.proposal = *std::move(proposal);
    known.offset = record.offset;
    count(known, record);
    forget_some(record.timestamp);
  } else if (event->type == ApprovalDecided::type) {
    auto decision = parse_data<ApprovalDecided>(event->data);
    if (!decision) return;
    const auto found =
        all_.find(decision->proposal_id.empty() ? decision->job_id : decision->proposal_id);
    if (found == all_.end() || !takes(found->second, *decision, record.timestamp)) return;
    found->second.decision = *std::move(decision);
    found->second.decided_at = event->time;
    count(found->second, record);
  } else if (event->type == PolicyOverride::type) {
    auto change = parse_data<PolicyOverride>(event->data);
    if (!change) return;
    const auto found = all_.find(change->because);
    if (found == all_.end()) return;
    found->second.overrides.push_back(*std::move(change));
    count(found->second, record);
    forget_some(record.timestamp);
  }
}

Result<const KnownProposals*> ProposalReader::read(const std::function<bool()>& go_on) {
  const auto settings = endpoints_.kafka();
  if (!settings) return fail(settings.error());
  const auto read =
      client::read_topic(*settings, topics::control, [this](const auto& record) { take(record); },
                         go_on, {{0, next_}});
  if (!read) return fail(endpoints_.kafka_error(read.error()));
  return &all_;
}

Result<KnownProposals> read_proposals(const Endpoints& endpoints) {
  ProposalReader reader(endpoints);
  return reader.read([] { return true; }).map([](const auto* all) { return *all; });
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
