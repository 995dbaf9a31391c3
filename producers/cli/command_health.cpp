#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "producers/access/console_api.hpp"
#include "producers/access/event_text.hpp"
#include "producers/access/render.hpp"
#include "producers/cli/commands.hpp"
#include "producers/cli/context.hpp"
#include "schemas/topics.hpp"

namespace oppen::cli {
namespace {

using nlohmann::json;

// Kafka as it is seen from here, which may differ from what the workers see.
json kafka_part(const Context& context) {
  const auto answer = [&context]() -> Result<int> {
    const auto settings = context.kafka();
    if (!settings) return fail(settings.error());
    const auto consumer = client::Consumer::create(*settings, "");
    if (!consumer) return fail(consumer.error());
    const auto count = (*consumer)->partition_count(topics::job_events, std::chrono::seconds{5});
    if (!count) return fail(context.kafka_error(count.error()));
    return *count;
  }();
  return {{"name", "kafka (from here)"},
          {"ok", answer.has_value()},
          {"detail", answer ? "answers at " + context.kafka_brokers + ", the topics are there"
                            : answer.error().message}};
}

int health(Context& context) {
  json parts = json::array({kafka_part(context)});
  const auto answer = ConsoleApi(context.console_url).get("health");
  if (answer) {
    for (const json& part : answer->value("parts", json::array())) parts.push_back(part);
  } else {
    parts.push_back({{"name", "console"}, {"ok", false}, {"detail", answer.error().message}});
  }
  bool all = true;
  std::vector<std::vector<std::string>> rows;
  for (const json& part : parts) {
    const bool ok = part.value("ok", false);
    all = all && ok;
    rows.push_back({text_field(part, "name"), ok ? "ok" : "DOWN",
                    part.contains("lag") ? part["lag"].dump() : "", text_field(part, "detail")});
  }
  if (context.json()) {
    context.print({{"ok", all}, {"parts", parts}});
  } else {
    context.out << table({{"PART"}, {"STATE"}, {"LAG", true}, {"DETAIL"}}, std::move(rows), 0);
    if (!answer)
      context.out
          << "Redis, Kubernetes and the scheduler are not known: only the console can tell.\n";
  }
  return all ? done : unreachable;
}

}  // namespace

void add_health(CLI::App& app, Context& context) {
  CLI::App* const command =
      app.add_subcommand("health", "Says of every part whether it works, and what to do if not.");
  command->footer(
      "Examples:\n"
      "  oppen health\n"
      "  oppen health -o json | jq '.parts[] | select(.ok | not)'\n"
      "Exit code 3: a part is away.\n");
  command->callback([&context] { context.run = [&context] { return health(context); }; });
}

}  // namespace oppen::cli
