#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "producers/access/console_api.hpp"
#include "producers/access/cost_text.hpp"
#include "producers/access/event_text.hpp"
#include "producers/access/spec_input.hpp"
#include "producers/cli/commands.hpp"
#include "producers/cli/context.hpp"
#include "schemas/parse.hpp"

namespace oppen::cli {
namespace {

using nlohmann::json;

int compare(Context& context, const std::string& file) {
  const auto text = read_input(context, file);
  if (!text) return context.fail_with(text.error());
  const auto batch = checked_batch(*text, {"config", std::nullopt});
  if (!batch) return context.fail_with("the list of configurations", batch.error());
  const auto answer = ConsoleApi(context.console_url).post("compare", to_text(*batch));
  if (!answer) return context.fail_with(answer.error());
  if (context.json()) {
    context.print(*answer);
  } else if (answer->contains("error")) {
    const json error = answer->value("error", json::object());
    context.err << "oppen: " << text_field(error, "message") << '\n';
    for (const json& fault : error.value("errors", json::array()))
      context.err << "  " << fault_text(fault) << '\n';
  } else {
    context.out << comparison_text(*answer, context.width);
  }
  return answer->contains("error") ? bad_input : done;
}

}  // namespace

void add_compare(CLI::App& app, Context& context) {
  const auto file = std::make_shared<std::string>();
  CLI::App* const command =
      app.add_subcommand("compare",
                         "Shows configurations side by side: time, cost, cost per 1000 inferences, "
                         "latency. Submits nothing.");
  command
      ->add_option("file", *file,
                   "Two or more job specs (- for stdin): a JSON array, or one a line. A `name` "
                   "tells them apart")
      ->required();
  command->footer(
      "Examples:\n"
      "  oppen compare configurations.json\n"
      "  jq -nc '8, 64, 128 | {model_type: \"mnist\", epochs: 2, batch_size: .}' | oppen compare "
      "-\n"
      "A label `precision` (fp16, int8, ...) asks for latency and throughput of runs that told "
      "that precision.\n");
  command->callback(
      [&context, file] { context.run = [&context, file] { return compare(context, *file); }; });
}

}  // namespace oppen::cli
