#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "producers/access/console_api.hpp"
#include "producers/access/queue_text.hpp"
#include "producers/cli/commands.hpp"
#include "producers/cli/context.hpp"

namespace oppen::cli {
namespace {

int status(Context& context, int limit) {
  const auto queue = ConsoleApi(context.console_url).get("queue?limit=" + std::to_string(limit));
  if (!queue) return context.fail_with(queue.error());
  if (context.json()) {
    context.print(*queue);
  } else {
    context.out << queue_text(*queue, context.width);
  }
  return done;
}

}  // namespace

void add_status(CLI::App& app, Context& context) {
  const auto limit = std::make_shared<int>(10);
  CLI::App* const command =
      app.add_subcommand("status", "Shows the queue at a glance: what waits, runs and costs.");
  command->add_option("--limit", *limit, "How many of the jobs that wait to show")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000).description(""))
      ->capture_default_str();
  command->footer(
      "Examples:\n"
      "  oppen status\n"
      "  oppen status -o json | jq .pending_cost_microusd\n");
  command->callback(
      [&context, limit] { context.run = [&context, limit] { return status(context, *limit); }; });
}

}  // namespace oppen::cli
