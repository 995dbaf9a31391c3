#pragma once
// Sends one job and shows what the scheduler says of it: the way of every command that submits one.
#include "producers/cli/context.hpp"
#include "schemas/job.hpp"

namespace CLI {
class App;
}

namespace oppen::cli {

struct SubmitWait {
  bool no_wait = false;
  int timeout_seconds = 30;
};

// The options --no-wait and --timeout. `wait` must outlive the command.
void add_submit_wait(CLI::App& command, SubmitWait& wait);

// `spec` has been checked and has an id. Gives the exit code.
int submit_and_show(const Context& context, const JobSpec& spec, const SubmitWait& wait);

}  // namespace oppen::cli
