#include <CLI/CLI.hpp>

#include "producers/cli/commands.hpp"
#include "producers/cli/completion.hpp"
#include "producers/cli/context.hpp"

namespace oppen::cli {

void add_completion(CLI::App& app, Context& context) {
  const auto shell = std::make_shared<std::string>();
  CLI::App* const command = app.add_subcommand(
      "completion", "Prints a script that completes oppen's commands in a shell.");
  command->add_option("shell", *shell, "Which shell")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->footer(
      "Examples:\n"
      "  source <(oppen completion bash)\n"
      "  oppen completion zsh > ~/.zfunc/_oppen\n"
      "  oppen completion fish > ~/.config/fish/completions/oppen.fish\n");
  command->callback([&app, &context, shell] {
    context.run = [&app, &context, shell] {
      const auto commands = completion_commands(app);
      context.out << (*shell == "bash"  ? bash_completion(commands)
                      : *shell == "zsh" ? zsh_completion(commands)
                                        : fish_completion(commands));
      return static_cast<int>(done);
    };
  });
}

}  // namespace oppen::cli
