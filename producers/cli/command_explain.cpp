#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "producers/access/console_api.hpp"
#include "producers/access/forecast_text.hpp"
#include "producers/cli/commands.hpp"
#include "producers/cli/context.hpp"

namespace oppen::cli {
namespace {

int explain(Context& context, const std::string& id) {
  const auto answer = ConsoleApi(context.console_url).get("jobs/" + escaped(id) + "/explain");
  if (!answer) return context.fail_with(answer.error());
  if (context.json()) {
    context.print(*answer);
  } else {
    context.out << explanation_text(*answer);
  }
  return done;
}

}  // namespace

void add_explain(CLI::App& app, Context& context) {
  const auto id = std::make_shared<std::string>();
  CLI::App* const command = app.add_subcommand(
      "explain", "Says why a job waits, what blocks it, and when it will probably start.");
  command->add_option("id", *id, "The id of a job")->required();
  command->footer(
      "Examples:\n"
      "  oppen explain mnist-7\n"
      "  oppen explain mnist-7 -o json | jq -r .reason.kind\n");
  command->callback(
      [&context, id] { context.run = [&context, id] { return explain(context, *id); }; });
}

}  // namespace oppen::cli
