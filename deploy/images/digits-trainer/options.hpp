// What the command line and the environment ask for. A flag goes over its environment variable over
// the default.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "deploy/images/digits-trainer/trainer.hpp"

namespace oppen::digits_trainer {

struct Options {
  Settings settings;
  std::string data;  // a CSV file; empty: the built-in data
  // Where the metrics go. By default the file that Kubernetes puts there, if it is there.
  std::optional<std::string> termination_log;
  std::string job, attempt, model_type;  // what the run calls itself, empty where not given
};

struct HelpWanted {};
struct BadUsage {
  std::string message;  // names the flag or the variable, its value and what was expected
};

// The value of an environment variable, or null: std::getenv, or a test's own.
using Environment = const char* (*)(const char* name);

// `arguments` without the program's name.
std::variant<Options, HelpWanted, BadUsage> parse_options(std::span<const char* const> arguments,
                                                          Environment environment);

const char* to_string(Precision precision);

std::string help_text();

}  // namespace oppen::digits_trainer
