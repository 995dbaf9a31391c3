#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <thread>

#include "producers/access/console_api.hpp"
#include "producers/access/dashboard_text.hpp"
#include "producers/cli/commands.hpp"
#include "producers/cli/context.hpp"
#include "producers/cli/live_screen.hpp"

namespace oppen::cli {
namespace {

using nlohmann::json;

struct DashboardOptions {
  int limit = 10;
  bool watch = false;
  int every_seconds = 2;
};

Result<json> ask_dashboard(const Context& context, const DashboardOptions& options) {
  return ConsoleApi(context.console_url).get("dashboard?limit=" + std::to_string(options.limit));
}

DashboardLook look_of(const Context& context, int width) {
  return {width, context.out_is_terminal && std::getenv("NO_COLOR") == nullptr};
}

void print_once(const Context& context, const json& dashboard) {
  if (context.json()) {
    context.print(dashboard, false);
  } else {
    context.out << dashboard_text(dashboard, look_of(context, context.width)) << std::flush;
  }
}

// In the same place of a terminal.
int watch_in_place(Context& context, const DashboardOptions& options, Result<json> answer) {
  const std::chrono::seconds every(options.every_seconds);
  const auto footer = fmt::format("every {} s, q leaves", options.every_seconds);
  LiveScreen screen(context.out);
  do {
    // What is away may come back.
    screen.draw(answer ? dashboard_text(*answer, look_of(context, screen.width()))
                       : wrapped(answer.error().message, 0, screen.width()) + "\n",
                footer);
    if (!screen.stay_for(every)) return done;
    answer = ask_dashboard(context, options);
  } while (context.out);
  return done;
}

// One below the other, for a file or a program.
int watch_on_and_on(Context& context, const DashboardOptions& options, Result<json> answer) {
  do {
    if (answer) {
      print_once(context, *answer);
      if (!context.json()) context.out << '\n' << std::flush;
    } else {
      context.fail_with(answer.error());
    }
    std::this_thread::sleep_for(std::chrono::seconds(options.every_seconds));
    answer = ask_dashboard(context, options);
  } while (context.out);
  return done;
}

int dashboard(Context& context, const DashboardOptions& options) {
  auto answer = ask_dashboard(context, options);
  if (!answer) return context.fail_with(answer.error());
  if (!options.watch) {
    print_once(context, *answer);
    return done;
  }
  const bool in_place = context.in_is_terminal && context.out_is_terminal && !context.json();
  return in_place ? watch_in_place(context, options, std::move(answer))
                  : watch_on_and_on(context, options, std::move(answer));
}

}  // namespace

void add_dashboard(CLI::App& app, Context& context) {
  const auto options = std::make_shared<DashboardOptions>();
  CLI::App* const command = app.add_subcommand(
      "dashboard",
      "Shows everything at a glance: health and lag of every part, alerts, costs, cluster, pods, "
      "queue.");
  command->add_flag("--watch", options->watch, "Draw it anew, until q or Ctrl-C");
  command->add_option("--every", options->every_seconds, "How often, in seconds")
      ->type_name("S")
      ->check(CLI::Range(1, 3'600).description(""))
      ->needs("--watch")
      ->capture_default_str();
  command
      ->add_option("--limit", options->limit,
                   "How many alerts, pods, nodes and jobs that wait to list of each")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000).description(""))
      ->capture_default_str();
  command->footer(
      "Examples:\n"
      "  oppen dashboard\n"
      "  oppen dashboard --watch\n"
      "  oppen dashboard -o json | jq .costs.today.total_microusd\n"
      "What cannot be had says so; the rest is there.\n");
  command->callback([&context, options] {
    context.run = [&context, options] { return dashboard(context, *options); };
  });
}

}  // namespace oppen::cli
