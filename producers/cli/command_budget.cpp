#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "producers/access/budget_check.hpp"
#include "producers/access/console_api.hpp"
#include "producers/access/event_text.hpp"
#include "producers/cli/commands.hpp"
#include "producers/cli/context.hpp"
#include "producers/cli/spec_flags.hpp"
#include "producers/client/client.hpp"
#include "schemas/control.hpp"
#include "schemas/parse.hpp"

namespace oppen::cli {
namespace {

using nlohmann::json;

struct BudgetOptions {
  BudgetSet set;
  double amount_usd = 0;
};

int set_budget(Context& context, BudgetOptions& options) {
  auto& set = options.set;
  set.amount = {std::llround(options.amount_usd * 1e6)};
  if (options.amount_usd > 0 && set.amount.value == 0) {
    return context.fail_with(
        {ErrorKind::invalid, fmt::format("--amount is {}: expected at least 0.000001 dollars, or "
                                         "0 to withdraw the budget",
                                         options.amount_usd)});
  }
  const auto higher = std::adjacent_find(set.thresholds.begin(), set.thresholds.end(),
                                         [](double a, double b) { return a >= b; });
  if (higher != set.thresholds.end()) {
    return context.fail_with({ErrorKind::invalid,
                              "--threshold is not ascending: expected each "
                              "percentage to be more than the one before it"});
  }
  const auto checked = parse_data<BudgetSet>(to_data(set));
  if (!checked) return context.fail_with("the budget", checked.error());
  const auto settings = context.kafka();
  if (!settings) return context.fail_with(settings.error());
  const auto client = client::Client::create({*settings, "/oppen/cli", reach_deadline});
  if (!client) return context.fail_with(client.error());
  if (const auto sent = (*client)->set_budget(set); !sent)
    return context.fail_with(context.kafka_error(sent.error()));
  if (context.json()) {
    context.print(to_data(set));
  } else if (set.amount.value == 0) {
    context.out << "Budget " << set.budget_id << " is withdrawn.\n";
  } else {
    context.out << "Budget " << set.budget_id << " is " << to_string(set.amount) << " a "
                << set.period << ", " << set.mode << ": `oppen budget list` shows it.\n";
  }
  return done;
}

int list_budgets(const Context& context) {
  const auto answer = ConsoleApi(context.console_url).get("budgets");
  if (!answer) return context.fail_with(answer.error());
  if (context.json()) {
    context.print(*answer);
  } else if (answer->value("budgets", json::array()).empty()) {
    context.out << "There are no budgets: `oppen budget set` makes one.\n";
  } else {
    context.out << budgets_text(*answer, context.width);
  }
  return done;
}

struct CheckOptions {
  SpecFlags flags;
  std::string file;
};

// Errors: what is wrong with the input; 0 faults: it was told already.
Result<BatchSubmit> jobs_of(Context& context, CheckOptions& options, FieldErrors& faults) {
  if (!options.file.empty()) {
    const auto text = read_input(context, options.file);
    if (!text) return fail(text.error());
    auto batch = checked_batch(*text, {});
    if (batch) return *std::move(batch);
    faults = batch.error();
    return fail(ErrorKind::invalid, "");
  }
  std::erase_if(options.flags.lists, [](const auto& list) { return list.second.empty(); });
  auto spec = with_flags(json::object(), options.flags);
  auto job = spec ? checked_job(*std::move(spec))
                  : tl::expected<JobSubmit, FieldErrors>(tl::unexpected(spec.error()));
  if (job) {
    BatchSubmit batch;
    batch.batch_id = make_job_id("check");
    batch.jobs.push_back(job->spec);
    return batch;
  }
  faults = job.error();
  return fail(ErrorKind::invalid, "");
}

int check(Context& context, CheckOptions& options) {
  FieldErrors faults;
  auto batch = jobs_of(context, options, faults);
  if (!batch)
    return faults.empty() ? context.fail_with(batch.error()) : context.fail_with("the job", faults);
  const ConsoleApi console(context.console_url);
  const auto budgets = console.get("budgets");
  if (!budgets) return context.fail_with(budgets.error());
  const auto simulation = simulate_batch(console, *batch);
  if (!simulation) return context.fail_with(simulation.error());
  const json verdict = check_budgets(console, *batch, *simulation, *budgets);
  const bool feasible = verdict["feasible"];
  if (context.json()) {
    context.print(verdict);
  } else {
    context.out << verdict_text(verdict, context.width);
  }
  return feasible ? done : answer_is_no;
}

void add_set(CLI::App& budget, Context& context) {
  const auto options = std::make_shared<BudgetOptions>();
  auto& set = options->set;
  set.period = "month";
  set.mode = "soft";
  set.thresholds = {50, 80, 100};
  CLI::App* const command =
      budget.add_subcommand("set", "Makes a budget, or changes one: what is said last counts.");
  command->add_option("id", set.budget_id, "Its name")->required();
  command
      ->add_option("--amount", options->amount_usd,
                   "What may be spent in a period, in dollars; 0 withdraws it")
      ->type_name("USD")
      ->check(CLI::Range(0.0, 1e9).description(""))
      ->required();
  command->add_option("--period", set.period, "Of the calendar, in UTC")
      ->check(CLI::IsMember({"month", "quarter"}))
      ->capture_default_str();
  command
      ->add_option("--mode", set.mode,
                   "soft: only told; approval: jobs beyond it wait until they are approved; hard: "
                   "they wait until there is room")
      ->check(CLI::IsMember({"soft", "approval", "hard"}))
      ->capture_default_str();
  command->add_option("--team", set.scope.team, "Count only this team's jobs");
  command->add_option("--project", set.scope.project, "Count only this project's jobs");
  command->add_option("--threshold", set.thresholds, "At which percentages it is told, ascending")
      ->delimiter(',')
      ->type_name("PERCENT,...")
      ->capture_default_str();
  command->footer(
      "Examples:\n"
      "  oppen budget set vision --amount 100 --mode hard --team vision\n"
      "  oppen budget set q --amount 2500 --period quarter --mode approval --threshold 50,90\n"
      "  oppen budget set vision --amount 0\n"
      "What runs is never ended for a budget.\n");
  command->callback([&context, options] {
    context.run = [&context, options] { return set_budget(context, *options); };
  });
}

void add_check(CLI::App& budget, Context& context) {
  const auto options = std::make_shared<CheckOptions>();
  CLI::App* const command = budget.add_subcommand(
      "check", "Says what jobs would cost and whether the budgets have room. Submits nothing.");
  command->add_option(
      "file", options->file,
      "Jobs as submit-batch takes them (- for stdin); without it the flags are one");
  // The flags have a positional of their own, a command, which costs the same.
  add_spec_flags(*command, options->flags);
  command->remove_option(command->get_option("command"));
  command->footer(
      "Examples:\n"
      "  oppen budget check --model-type mnist --epochs 20 --team vision\n"
      "  oppen budget check sweep.json\n"
      "  oppen budget check sweep.json -o json | jq .alternatives\n"
      "Exit code 1: it does not fit; what would is named.\n");
  command->callback([&context, options] {
    context.run = [&context, options] { return check(context, *options); };
  });
}

}  // namespace

void add_budget(CLI::App& app, Context& context) {
  CLI::App* const budget = app.add_subcommand("budget", "Sets, shows and asks budgets.");
  budget->require_subcommand(1);
  add_set(*budget, context);
  CLI::App* const list =
      budget->add_subcommand("list", "Shows every budget: spent, committed, and what is foreseen.");
  list->footer(
      "Examples:\n"
      "  oppen budget list\n"
      "  oppen budget list -o json | jq '.budgets[] | select(.exceeded)'\n");
  list->callback([&context] { context.run = [&context] { return list_budgets(context); }; });
  add_check(*budget, context);
}

}  // namespace oppen::cli
