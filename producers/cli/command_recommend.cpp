#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "producers/access/console_api.hpp"
#include "producers/access/recommendation_text.hpp"
#include "producers/cli/commands.hpp"
#include "producers/cli/context.hpp"

namespace oppen::cli {
namespace {

int recommend(Context& context, const std::string& run) {
  const auto answer = ConsoleApi(context.console_url).get("recommendations?run=" + escaped(run));
  if (!answer) return context.fail_with(answer.error());
  if (context.json()) {
    context.print(*answer);
  } else {
    context.out << recommendations_text(*answer);
  }
  return done;
}

}  // namespace

void add_recommend(CLI::App& app, Context& context) {
  const auto run = std::make_shared<std::string>();
  CLI::App* const command = app.add_subcommand(
      "recommend",
      "Says what would have been cheaper than a run that has succeeded, with the command for it.");
  command->add_option("run", *run, "The id of a run or job, or a name: the latest one of it")
      ->required();
  command->footer(
      "Examples:\n"
      "  oppen recommend mnist-7\n"
      "  oppen recommend nightly -o json | jq -r '.recommendations[0].action.command'\n"
      "Nothing is changed by it. Exit code 4: there is no such run.\n");
  command->callback(
      [&context, run] { context.run = [&context, run] { return recommend(context, *run); }; });
}

}  // namespace oppen::cli
