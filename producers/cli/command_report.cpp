#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "producers/access/console_api.hpp"
#include "producers/access/cost_text.hpp"
#include "producers/cli/commands.hpp"
#include "producers/cli/context.hpp"

namespace oppen::cli {
namespace {

struct ReportOptions {
  std::string from;
  std::string to;
  std::string month;
  std::string quarter;
  std::string by = "model";
  std::string team;
  std::string project;
  std::string model_type;
  std::string format;
};

std::string query_of(const ReportOptions& options) {
  std::string query = "report?by=" + options.by;
  const auto put = [&query](const char* name, const std::string& value) {
    if (!value.empty()) query += std::string("&") + name + "=" + escaped(value);
  };
  put("from", options.from);
  put("to", options.to);
  put("month", options.month);
  put("quarter", options.quarter);
  put("team", options.team);
  put("project", options.project);
  put("model_type", options.model_type);
  return query;
}

int report(Context& context, const ReportOptions& options) {
  const ConsoleApi console(context.console_url);
  const auto query = query_of(options);
  if (options.format == "csv" || options.format == "focus") {
    constexpr long patience_seconds = 60;
    const auto told = console.stream(query + "&format=" + options.format, patience_seconds,
                                     [&](std::string_view piece) { context.out << piece; });
    if (!told) return context.fail_with(told.error());
    context.out << std::flush;
    return done;
  }
  const auto answer = console.get(query);
  if (!answer) return context.fail_with(answer.error());
  if (options.format == "json" || (options.format.empty() && context.json())) {
    context.print(*answer);
  } else {
    context.out << report_text(*answer, context.width);
  }
  return done;
}

}  // namespace

void add_report(CLI::App& app, Context& context) {
  const auto options = std::make_shared<ReportOptions>();
  CLI::App* const command = app.add_subcommand(
      "report", "Shows what runs have cost in a month, a quarter or some days. Days are of UTC.");
  command->add_option("--from", options->from, "The first day, such as 2026-01-01")
      ->type_name("DATE");
  command->add_option("--to", options->to, "The last day, included")->type_name("DATE");
  command->add_option("--month", options->month, "A month, such as 2026-01; without any: this one")
      ->type_name("YYYY-MM");
  command->add_option("--quarter", options->quarter, "A quarter, such as 2026-Q1")
      ->type_name("YYYY-Qn");
  command->add_option("--by", options->by, "What the cost is told by")
      ->check(CLI::IsMember(
          {"run", "model", "workload", "team", "project", "gpu-type", "namespace", "day"}))
      ->capture_default_str();
  command->add_option("--team", options->team, "Only what this team has spent");
  command->add_option("--project", options->project, "Only of this project");
  command->add_option("-m,--model-type", options->model_type, "Only of this model type");
  command
      ->add_option("--format", options->format,
                   "How to print it; csv and focus (FOCUS 1.2) for spreadsheets and FinOps tools")
      ->check(CLI::IsMember({"text", "json", "csv", "focus"}));
  command->footer(
      "Examples:\n"
      "  oppen report\n"
      "  oppen report --month 2026-01 --by team\n"
      "  oppen report --from 2026-01-01 --to 2026-01-31 --by run --team vision\n"
      "  oppen report --quarter 2026-Q1 --format focus > focus.csv\n"
      "  oppen report --by day -o json | jq '.groups[] | [.key, .total_microusd]'\n");
  command->callback([&context, options] {
    context.run = [&context, options] { return report(context, *options); };
  });
}

}  // namespace oppen::cli
