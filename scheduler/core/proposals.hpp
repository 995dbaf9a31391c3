#pragma once
// Proposals on `control` that name what an approval is to do: `changes` is either the data of a policy.override ({key, value, until?}) or of
// a job.amend ({job_id, changes}). An approval publishes that event, `undo` the one that takes it back. Core's thread; borrows the state. Each
// proposal is kept in Redis, with what was before it: as long as it can be decided, and undone.
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "producers/client/kafka.hpp"
#include "scheduler/core/state.hpp"
#include "schemas/control.hpp"

namespace oppen::core {

class Proposals {
 public:
  static constexpr std::chrono::days undone_within{30};  // of the decision

  explicit Proposals(State& state) : state_(state) {}

  // Field of meta: decisions below this offset may have taken effect already, and are only to be known. Redis was lost or came back older, and
  // the records of `control` up to the claim of the leader who found it so are read again, by him or by those after him.
  static constexpr auto replay_field = "control-replay-until";
  // What is in that field. Errors: of the store.
  Status load();

  // Nothing where it names nothing to do. Why it is to be set aside, if it is. Errors: of the store.
  Result<std::optional<std::string>> take(const ProposalCreated& proposal,
                                          const client::ConsumedRecord& record);
  // Whether it is about such a proposal; then that, its effect and its offset are one commit. What can't take effect any more changes
  // nothing, and is logged. Errors: of the store.
  Result<bool> decide(const ApprovalDecided& decision, const client::ConsumedRecord& record);

 private:
  // What is to be done, or done back; false: nothing can be.
  Result<bool> approve(nlohmann::json& kept, const ApprovalDecided& decision, std::int64_t offset,
                       queue::Changes& changes);
  Result<bool> undo(const nlohmann::json& kept, const ApprovalDecided& decision,
                    const client::ConsumedRecord& record, queue::Changes& changes);
  Result<nlohmann::json> read(const std::string& id);                // null: none
  Result<nlohmann::json> override_in_force(const std::string& key);  // null: none
  template <class Event>
  void emit(std::string_view topic, const std::string& key, const Event& event,
            const std::string& proposal_id, std::int64_t offset, queue::Changes& changes) const;

  State& state_;
  std::int64_t replay_until_ = 0;
};

}  // namespace oppen::core
