#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "producers/access/console_api.hpp"
#include "producers/access/describe_text.hpp"
#include "producers/access/event_text.hpp"
#include "producers/cli/commands.hpp"
#include "producers/cli/context.hpp"

namespace oppen::cli {
namespace {

using nlohmann::json;

// Adds why a queued job waits. Where that can't be had (the scheduler is away, the job has moved on), the rest is still worth telling.
void add_explanation(const ConsoleApi& console, const std::string& id, json& job) {
  if (text_field(job, "state") != "queued") return;
  auto explanation = console.get("jobs/" + escaped(id) + "/explain");
  if (explanation && text_field(*explanation, "state") == "queued")
    job["explain"] = std::move(*explanation);
}

int describe(Context& context, const std::string& id) {
  const ConsoleApi console(context.console_url);
  const Time now = SystemClock().now();
  auto job = console.get("jobs/" + escaped(id));
  if (job) {
    add_explanation(console, id, *job);
    if (context.json()) {
      context.print(*job);
    } else {
      context.out << describe_job(*job, now);
    }
    return done;
  }
  if (job.error().kind != ErrorKind::not_found) return context.fail_with(job.error());
  const auto batch = console.get("batches/" + escaped(id) + "?limit=1000");
  if (!batch) {
    if (batch.error().kind != ErrorKind::not_found) return context.fail_with(batch.error());
    return context.fail_with({ErrorKind::not_found, "there is no job and no batch " + id});
  }
  if (context.json()) {
    context.print(*batch);
  } else {
    context.out << describe_batch(*batch, now, context.width);
  }
  return done;
}

}  // namespace

void add_describe(CLI::App& app, Context& context) {
  const auto id = std::make_shared<std::string>();
  CLI::App* const command = app.add_subcommand(
      "describe", "Shows everything about one job, why it waits included, or about one batch.");
  command->add_option("id", *id, "The id of a job or batch")->required();
  command->footer(
      "Examples:\n"
      "  oppen describe mnist-7\n"
      "  oppen describe mnist-7 -o json | jq .failure.message\n");
  command->callback(
      [&context, id] { context.run = [&context, id] { return describe(context, *id); }; });
}

}  // namespace oppen::cli
