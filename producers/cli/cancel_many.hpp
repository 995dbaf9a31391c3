#pragma once
// Cancels the jobs of a batch, or of a team, and follows them to their ends.
#include <chrono>
#include <string>

#include "producers/cli/context.hpp"

namespace oppen::cli {

struct CancelMany {
  std::string reason;
  bool no_wait = false;
  std::chrono::seconds timeout{120};
};

// By one command for the whole batch. Gives the exit code.
int cancel_batch(const Context& context, const std::string& batch_id, const CancelMany& options);

// Those of the team's jobs that wait or run now, each by a command of its own. Gives the exit code.
int cancel_team(const Context& context, const std::string& team, const CancelMany& options);

}  // namespace oppen::cli
