#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "producers/cli/commands.hpp"
#include "producers/cli/console_api.hpp"
#include "producers/cli/context.hpp"
#include "producers/cli/cost_text.hpp"

namespace oppen::cli {
namespace {

int forecast(Context& context, const std::string& id) {
  const auto answer = ConsoleApi(context.console_url).get("forecast/" + escaped(id));
  if (!answer) return context.fail_with(answer.error());
  if (context.json()) {
    context.print(*answer);
  } else {
    context.out << cost_forecast_text(*answer);
  }
  return done;
}

}  // namespace

void add_forecast(CLI::App& app, Context& context) {
  const auto id = std::make_shared<std::string>();
  CLI::App* const command = app.add_subcommand(
      "forecast",
      "Says what a job will have cost when it ends, and when that is, with an interval.");
  command->add_option("id", *id, "The id of a job or run, or a name: the latest one of it")
      ->required();
  command->footer(
      "Examples:\n"
      "  oppen forecast mnist-7\n"
      "  oppen forecast nightly -o json | jq .total_microusd\n");
  command->callback(
      [&context, id] { context.run = [&context, id] { return forecast(context, *id); }; });
}

}  // namespace oppen::cli
