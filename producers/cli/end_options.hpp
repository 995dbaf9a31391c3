#pragma once
// How long something is to hold: --until TIME or --for DURATION. One thread.
#include <cstdint>
#include <optional>
#include <string>

#include "schemas/error.hpp"
#include "schemas/time.hpp"

namespace CLI {
class App;
}

namespace oppen::cli {

struct EndOptions {
  std::string until;
  std::int64_t for_seconds = 0;  // 0: not given
};

// `what` happens then: "it goes on by itself".
void add_end(CLI::App& command, EndOptions& options, const std::string& what);

// nullopt: none is given. Errors: invalid.
Result<std::optional<Time>> end_of(const EndOptions& options, Time now);

}  // namespace oppen::cli
