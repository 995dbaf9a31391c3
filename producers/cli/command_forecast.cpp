#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "producers/cli/commands.hpp"
#include "producers/cli/console_api.hpp"
#include "producers/cli/context.hpp"
#include "producers/cli/cost_text.hpp"

namespace oppen::cli {
namespace {

struct ForecastOptions {
  std::string id;
  std::string period;
  std::string team;
  std::string project;
  std::string model_type;
};

std::string query_of(const ForecastOptions& options) {
  if (options.period.empty()) return "forecast/" + escaped(options.id);
  std::string query = "forecast?period=" + options.period;
  const auto put = [&query](const char* name, const std::string& value) {
    if (!value.empty()) query += std::string("&") + name + "=" + escaped(value);
  };
  put("team", options.team);
  put("project", options.project);
  put("model_type", options.model_type);
  return query;
}

int forecast(Context& context, const ForecastOptions& options) {
  const auto answer = ConsoleApi(context.console_url).get(query_of(options));
  if (!answer) return context.fail_with(answer.error());
  if (context.json()) {
    context.print(*answer);
  } else {
    context.out << (options.period.empty() ? cost_forecast_text(*answer)
                                           : period_forecast_text(*answer));
  }
  return done;
}

}  // namespace

void add_forecast(CLI::App& app, Context& context) {
  const auto options = std::make_shared<ForecastOptions>();
  CLI::App* const command = app.add_subcommand(
      "forecast",
      "Says what a job, or this month or quarter, will have cost at its end, with an interval.");
  CLI::Option_group* const what = command->add_option_group("What");
  what->add_option("id", options->id, "The id of a job or run, or a name: the latest one of it");
  CLI::Option* const period =
      what->add_option("--period", options->period, "Of all runs of this month or quarter (of UTC)")
          ->check(CLI::IsMember({"month", "quarter"}));
  what->require_option(1);
  command->add_option("--team", options->team, "Only what this team spends in the period")
      ->needs(period);
  command->add_option("--project", options->project, "Only of this project")->needs(period);
  command->add_option("-m,--model-type", options->model_type, "Only of this model type")
      ->needs(period);
  command->footer(
      "Examples:\n"
      "  oppen forecast mnist-7\n"
      "  oppen forecast nightly -o json | jq .total_microusd\n"
      "  oppen forecast --period month\n"
      "  oppen forecast --period quarter --team vision\n");
  command->callback([&context, options] {
    context.run = [&context, options] { return forecast(context, *options); };
  });
}

}  // namespace oppen::cli
