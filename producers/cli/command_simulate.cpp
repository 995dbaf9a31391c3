#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "producers/access/console_api.hpp"
#include "producers/access/event_text.hpp"
#include "producers/access/forecast_text.hpp"
#include "producers/access/spec_input.hpp"
#include "producers/cli/commands.hpp"
#include "producers/cli/context.hpp"
#include "schemas/parse.hpp"

namespace oppen::cli {
namespace {

using nlohmann::json;

// What the console says is wrong with the batch.
int show_refusal(const Context& context, const json& answer) {
  const json error = answer.value("error", json::object());
  const bool refused = text_field(error, "code") == to_string(ErrorKind::refused);
  if (context.json()) {
    context.print(answer);
  } else {
    context.err << "oppen: the batch "
                << (refused ? "would be refused; none of its jobs would be queued:\n"
                            : "is not valid:\n");
    const json errors = error.value("errors", json::array());
    for (const json& fault : errors) context.err << "  " << fault_text(fault) << '\n';
    if (errors.empty()) context.err << "  " << text_field(error, "message") << '\n';
  }
  return refused ? answer_is_no : bad_input;
}

int simulate(Context& context, const std::string& file, int limit) {
  const auto text = read_input(context, file);
  if (!text) return context.fail_with(text.error());
  const auto batch = checked_batch(*text, {});
  if (!batch) return context.fail_with("the batch", batch.error());
  const auto answer = ConsoleApi(context.console_url).post("simulate", to_text(*batch));
  if (!answer) return context.fail_with(answer.error());
  if (answer->contains("error")) return show_refusal(context, *answer);
  if (context.json()) {
    context.print(*answer);
  } else {
    context.out << simulation_text(*answer, limit, context.width);
  }
  return done;
}

}  // namespace

void add_simulate(CLI::App& app, Context& context) {
  const auto file = std::make_shared<std::string>();
  const auto limit = std::make_shared<int>(20);
  CLI::App* const command = app.add_subcommand(
      "simulate",
      "Shows what a batch would do: start, end and cost of its jobs, and whom it would delay. "
      "Submits nothing.");
  command
      ->add_option("file", *file,
                   "The jobs, as submit-batch takes them (- for stdin): a JSON array of specs, "
                   "{\"jobs\":[...]}, or one spec a line")
      ->required();
  command->add_option("--limit", *limit, "How many of the jobs to list")
      ->type_name("N")
      ->check(CLI::Range(1, 10'000).description(""))
      ->capture_default_str();
  command->footer(
      "Examples:\n"
      "  oppen simulate jobs.json\n"
      "  jq -nc 'range(8;72;8) | {model_type: \"mnist\", epochs: 2, batch_size: .}' | oppen "
      "simulate -\n"
      "  oppen simulate jobs.json -o json | jq '.estimated_cost_microusd, .delayed'\n"
      "Exit code 1: the batch would be refused; every reason is named.\n");
  command->callback([&context, file, limit] {
    context.run = [&context, file, limit] { return simulate(context, *file, *limit); };
  });
}

}  // namespace oppen::cli
