#pragma once
// Completion scripts, made from the commands and options that the app has. Pure functions, any
// thread.
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace oppen::cli {

struct CompletionOption {
  std::vector<std::string> names;   // "--output", "-o"
  std::vector<std::string> values;  // what it takes, where that is one of a few words
  bool takes_value = false;
  std::string help;
};

struct CompletionCommand {
  std::string path;  // "", "submit", "dead-letter list"
  std::string help;
  std::vector<std::pair<std::string, std::string>> subcommands;  // name and help
  std::vector<CompletionOption> options;                         // without the global ones
  std::vector<std::string> values;  // of its argument, where that is one of a few words
};

// The root first, then each command.
std::vector<CompletionCommand> completion_commands(const CLI::App& app);

std::string bash_completion(const std::vector<CompletionCommand>& commands);
std::string zsh_completion(const std::vector<CompletionCommand>& commands);
std::string fish_completion(const std::vector<CompletionCommand>& commands);

}  // namespace oppen::cli
