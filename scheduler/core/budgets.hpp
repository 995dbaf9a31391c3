#pragma once
// What `control` tells of budgets and approvals, and the jobs that wait for a budget (Hold::budget). The budgets in force are State's;
// Redis keeps them with the offset they were read from. Core's thread; borrows the state.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "producers/client/kafka.hpp"
#include "scheduler/core/proposals.hpp"
#include "scheduler/core/state.hpp"
#include "schemas/cloud_event.hpp"

namespace oppen::core {

class Budgets {
 public:
  explicit Budgets(State& state) : state_(state), proposals_(state) {}

  // What an earlier leader knew. Errors of all: of the store.
  Status load();

  // budget.set, budget.state, proposal.created and approval.decided, each with its effect and its offset in one commit; nothing of other types. Why it is
  // to be set aside, if it is.
  Result<std::optional<std::string>> on_control(const CloudEvent& event,
                                                const client::ConsumedRecord& record);

  // Lets go those that there is room for again; looks through them, some at a time, only when the room of some budget has changed or one
  // more is held. Twice a second.
  Status tick();

 private:
  Result<std::optional<std::string>> decide(const CloudEvent& event,
                                            const client::ConsumedRecord& record);
  Status remember(const client::ConsumedRecord& record);
  Status forget_unseen();  // what is older than it is kept; now and then

  State& state_;
  Proposals proposals_;
  // The room of each budget when the waiting jobs were looked through last.
  using Rooms = std::vector<std::pair<std::string, std::int64_t>>;
  Rooms looked_with_;
  Time next_forgetting_{};
  // Where a look that is not over goes on.
  struct Cursor {
    std::size_t priority = 0;
    std::int64_t after = -1;
  };
  std::optional<Cursor> cursor_;
};

}  // namespace oppen::core
