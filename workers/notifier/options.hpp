#pragma once
// The program's settings, and its flags without a value. Main thread.
#include <optional>
#include <string>

#include "workers/runtime/worker_settings.hpp"

namespace oppen::notifier {

struct Options {
  runtime::WorkerSettings worker;
  std::string routes_file;
  bool check = false;     // says whether the routes can be read, and ends
  bool canary = false;    // sends one by each route, and ends
  std::string described;  // for the log

  // Reads the command line, the environment and the file; an exit code: the program is to end with it.
  std::optional<int> parse(int argc, const char* const* argv);
};

}  // namespace oppen::notifier
