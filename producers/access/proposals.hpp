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
#include "producers/client/kafka.hpp"
#include "schemas/control.hpp"

namespace oppen::access {

// What `control` says of a proposal.
struct KnownProposal {
  ProposalCreated proposal;
  std::optional<ApprovalDecided> decision;
  Time decided_at{};
  std::vector<PolicyOverride> overrides;  // that were said because of it
  std::int64_t offset = 0;                // in the topic, of the proposal
  std::size_t bytes = 0;                  // of all these, in the topic
};

// Whether it changes a job or a policy. Otherwise it asks to run the job whose id it bears.
bool names_changes(const KnownProposal& known);

// Neither decided nor expired.
bool is_open(const KnownProposal& known, Time now);

using KnownProposals = std::map<std::string, KnownProposal>;  // by id

// Follows `control`. Of more than it may know, those that change nothing or have expired are forgotten first, then those that are decided; the
// oldest before others. One thread.
class ProposalReader {
 public:
  static constexpr std::size_t most_known = 10'000;
  static constexpr std::size_t most_known_bytes =
      std::size_t{8} << 20;  // parsed, some of it is eight times as much

  explicit ProposalReader(Endpoints endpoints) : endpoints_(std::move(endpoints)) {}

  // All that the topic has said by now, as the scheduler takes them: the first time it is read whole, later from where it ended. As long as
  // this, until the next call. Errors: of Kafka; unavailable when `go_on`, asked twice a second, says no.
  Result<const KnownProposals*> read(const std::function<bool()>& go_on);

  // What `read` does with each record.
  void take(const client::ConsumedRecord& record);
  const KnownProposals& known() const { return all_; }

 private:
  void count(KnownProposal& known, const client::ConsumedRecord& record);
  void forget(KnownProposals::iterator known);
  void forget_some(Time now);

  Endpoints endpoints_;
  KnownProposals all_;
  std::size_t bytes_ = 0;  // of all
  std::int64_t next_ = 0;
};

// The same, once.
Result<KnownProposals> read_proposals(const Endpoints& endpoints);

// The proposal's data, with what was decided, by whom and when, and the overrides that came of it.
nlohmann::json to_json(const KnownProposal& known);

// "batch_size=64 spot=true of job llm-7", "backfill_enabled=true"; "": nothing but the job's run.
std::string proposed_text(const nlohmann::json& changes);

}  // namespace oppen::access
