#pragma once
// The flags by which a job is described on the command line. `flags` must outlive the app.
#include "producers/access/spec_input.hpp"
#include "producers/cli/context.hpp"

namespace CLI {
class App;
}

namespace oppen::cli {

void add_spec_flags(CLI::App& app, SpecFlags& flags);

}  // namespace oppen::cli
