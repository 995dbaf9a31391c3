#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "producers/access/render.hpp"
#include "producers/agent/live_backend.hpp"
#include "producers/agent/tool.hpp"
#include "producers/cli/commands.hpp"
#include "producers/cli/context.hpp"
#include "schemas/cloud_event.hpp"

namespace oppen::cli {
namespace {

using nlohmann::json;

struct ToolOptions {
  std::string name;
  std::vector<std::string> pairs;
  std::string json;
  bool describe = false;
};

json description(const agent::Tool& tool) {
  return {{"name", tool.name},
          {"title", tool.title},
          {"description", tool.description},
          {"read_only", tool.effect == agent::Effect::read},
          {"destructive", tool.effect == agent::Effect::destroy},
          {"input", tool.input},
          {"output", tool.output},
          {"example", tool.example}};
}

int list(const Context& context) {
  json all = json::array();
  std::vector<std::vector<std::string>> rows;
  for (const auto& tool : agent::all_tools()) {
    all.push_back(description(tool));
    rows.push_back({tool.name,
                    tool.effect == agent::Effect::read  ? "reads"
                    : tool.effect == agent::Effect::add ? "adds"
                                                        : "ends",
                    tool.title});
  }
  if (context.json()) {
    context.print({{"tools", std::move(all)}});
  } else {
    context.out << table({{"TOOL"}, {"IT"}, {"WHAT FOR", false, 1}}, std::move(rows),
                         context.width);
  }
  return done;
}

int describe(const Context& context, const agent::Tool& tool) {
  const json told = description(tool);
  if (context.json()) {
    context.print(told);
    return done;
  }
  context.out << tool.name << ": " << tool.description << "\n\nArguments\n";
  const json required = tool.input.value("required", json::array());
  for (const auto& [name, property] : tool.input["properties"].items()) {
    const bool needed = std::find(required.begin(), required.end(), name) != required.end();
    context.out << "  " << name << (needed ? " (required)" : "") << ": "
                << property.value("type", "") << (property.contains("description") ? ". " : "")
                << property.value("description", "") << '\n';
  }
  context.out << "\nExample\n  oppen tool " << tool.name << " --json '" << tool.example.dump()
              << "'\n";
  return done;
}

// The value as the schema wants it: text as it stands, everything else as JSON.
json value_of(const json& schema, const std::string& text) {
  if (schema.value("type", "") == "string") return text;
  json value = json::parse(text, nullptr, false);
  return value.is_discarded() ? json(text) : value;
}

Result<json> arguments_of(Context& context, const agent::Tool& tool, const ToolOptions& options) {
  json arguments = json::object();
  if (!options.json.empty()) {
    auto text = options.json == "-" ? read_input(context, "-") : Result<std::string>(options.json);
    if (!text) return fail(text.error());
    auto parsed = parse_event_data(*text);
    if (!parsed || !parsed->is_object())
      return fail(ErrorKind::invalid, "--json is no JSON object of at most 32 levels");
    arguments = *std::move(parsed);
  }
  for (const auto& pair : options.pairs) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos || equals == 0)
      return fail(ErrorKind::invalid, "\"" + pair + "\" is no argument: expected NAME=VALUE");
    const auto name = pair.substr(0, equals);
    arguments[name] =
        value_of(tool.input["properties"].value(name, json::object()), pair.substr(equals + 1));
  }
  return arguments;
}

int run_tool(Context& context, const ToolOptions& options) {
  if (options.name.empty()) return list(context);
  const auto* const tool = agent::find_tool(options.name);
  if (tool == nullptr) {
    return context.fail_with(
        {ErrorKind::not_found, "there is no tool " + options.name + ": `oppen tool` lists them"});
  }
  if (options.describe) return describe(context, *tool);
  auto arguments = arguments_of(context, *tool, options);
  if (!arguments) return context.fail_with(arguments.error());
  agent::LiveBackend backend(context);
  const auto outcome = agent::call(*tool, backend, *std::move(arguments));
  if (outcome) {
    if (context.json()) {
      context.print(outcome->data);
    } else {
      context.out << outcome->text << std::flush;
    }
    return done;
  }
  if (context.json()) {
    context.print(agent::to_json(outcome.error(), *tool));
  } else {
    context.err << "oppen: " << agent::to_text(outcome.error(), *tool);
  }
  return exit_code_of(outcome.error().kind);
}

}  // namespace

void add_tool(CLI::App& app, Context& context) {
  const auto options = std::make_shared<ToolOptions>();
  CLI::App* const command =
      app.add_subcommand("tool", "Lists the agent's tools, or calls one as an agent would.");
  std::vector<std::string> names;
  for (const auto& tool : agent::all_tools()) names.push_back(tool.name);
  command->add_option("name", options->name, "Which tool; without it, all are listed")
      ->type_name("{" + CLI::detail::join(names, ",") + "}");
  command->add_option("argument", options->pairs, "Its arguments as NAME=VALUE");
  command->add_option("--json", options->json, "Its arguments as a JSON object (- for stdin)");
  command->add_flag("--describe", options->describe, "Say what the tool does and takes");
  command->footer(
      "Examples:\n"
      "  oppen tool\n"
      "  oppen tool queue_training_job --describe\n"
      "  oppen tool queue_training_job model_type=mnist priority=urgent epochs=2\n"
      "  oppen tool check_training_budget --json '{\"model_type\": \"mnist\", \"epochs\": 2, "
      "\"budget_usd\": 0.05}'\n");
  command->callback([&context, options] {
    context.run = [&context, options] { return run_tool(context, *options); };
  });
}

}  // namespace oppen::cli
