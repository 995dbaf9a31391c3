#include <CLI/CLI.hpp>

#include "producers/access/console_api.hpp"
#include "producers/cli/commands.hpp"
#include "producers/cli/context.hpp"

namespace oppen::cli {
namespace {

struct LogsOptions {
  std::string job;
  bool follow = false;
  int tail = -1;
};

int logs(Context& context, const LogsOptions& options) {
  std::string path =
      "jobs/" + escaped(options.job) + "/logs?follow=" + (options.follow ? "true" : "false");
  if (options.tail >= 0) path += "&tail=" + std::to_string(options.tail);
  // A training may say nothing for hours.
  const auto read = ConsoleApi(context.console_url)
                        .stream(path, options.follow ? 0 : 60, [&](std::string_view piece) {
                          context.out << piece << std::flush;
                        });
  return read ? static_cast<int>(done) : context.fail_with(read.error());
}

}  // namespace

void add_logs(CLI::App& app, Context& context) {
  const auto options = std::make_shared<LogsOptions>();
  CLI::App* const command =
      app.add_subcommand("logs", "Prints what a job's present or last attempt has written.");
  command->add_option("job", options->job, "The id of the job")->required();
  command->add_flag("-f,--follow", options->follow, "Go on until the container ends");
  command->add_option("--tail", options->tail, "Only the last so many lines")
      ->type_name("N")
      ->check(CLI::Range(0, 1'000'000).description(""));
  command->footer(
      "Examples:\n"
      "  oppen logs mnist-7 --tail 20\n"
      "  oppen logs -f mnist-7\n"
      "Exit code 4: there is no such job, or it has no log yet, or its pod has been deleted.\n");
  command->callback([&context, options] {
    context.run = [&context, options] { return logs(context, *options); };
  });
}

}  // namespace oppen::cli
