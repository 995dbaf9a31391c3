#pragma once
// What was proposed on the topic `control`, what was decided of it, and what that has changed.
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "producers/access/endpoints.hpp"
#include "schemas/control.hpp"

namespace oppen::access {

// What `control` says of a proposal.
struct KnownProposal {
  ProposalCreated proposal;
  std::optional<ApprovalDecided> decision;
  Time decided_at{};
  std::vector<PolicyOverride> overrides;  // that were said because of it
};

// Whether it changes a job or a policy. Otherwise it asks to run the job whose id it bears.
bool names_changes(const KnownProposal& known);

// Neither decided nor expired.
bool is_open(const KnownProposal& known, Time now);

// All that `control` still keeps, by id, as the scheduler takes them. Reads the whole topic. Errors: of Kafka.
Result<std::map<std::string, KnownProposal>> read_proposals(const Endpoints& endpoints);

// The proposal's data, with what was decided, by whom and when, and the overrides that came of it.
nlohmann::json to_json(const KnownProposal& known);

// "batch_size=64 spot=true of job llm-7", "backfill_enabled=true"; "": nothing but the job's run.
std::string proposed_text(const nlohmann::json& changes);

}  // namespace oppen::access
