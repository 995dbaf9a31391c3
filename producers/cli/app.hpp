#pragma once
// The program `oppen` without its process: arguments in, exit code out.
#include <memory>

#include "producers/cli/context.hpp"

namespace CLI {
class App;
}

namespace oppen::cli {

// The global options and all commands.
std::unique_ptr<CLI::App> make_app(Context& context);

// Parses and runs. `argv` as main gets it.
int run_app(Context& context, int argc, const char* const* argv);

}  // namespace oppen::cli
