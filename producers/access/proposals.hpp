#pragma once
// What was proposed on the topic `control`, what was decided of it, and what that has changed.
#include <cstdint>
#include <functional>
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

using KnownProposals = std::map<std::string, KnownProposal>;  // by id

// Follows `control`. One thread.
class ProposalReader {
 public:
  explicit ProposalReader(Endpoints endpoints) : endpoints_(std::move(endpoints)) {}

  // All that the topic has said by now, as the scheduler takes them: the first time it is read whole, later from where it ended. As long as
  // this, until the next call. Errors: of Kafka; unavailable when `go_on`, asked twice a second, says no.
  Result<const KnownProposals*> read(const std::function<bool()>& go_on);

 private:
  void take(const client::ConsumedRecord& record);

  Endpoints endpoints_;
  KnownProposals all_;
  std::int64_t next_ = 0;
};

// The same, once.
Result<KnownProposals> read_proposals(const Endpoints& endpoints);

// The proposal's data, with what was decided, by whom and when, and the overrides that came of it.
nlohmann::json to_json(const KnownProposal& known);

// "batch_size=64 spot=true of job llm-7", "backfill_enabled=true"; "": nothing but the job's run.
std::string proposed_text(const nlohmann::json& changes);

}  // namespace oppen::access
