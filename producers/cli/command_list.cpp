#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "producers/access/console_api.hpp"
#include "producers/access/event_text.hpp"
#include "producers/access/forecast_text.hpp"
#include "producers/access/job_table.hpp"
#include "producers/access/render.hpp"
#include "producers/cli/commands.hpp"
#include "producers/cli/context.hpp"

namespace oppen::cli {
namespace {

using nlohmann::json;

constexpr int largest_page = 1'000;

struct ListOptions {
  std::string state = "all";
  int limit = 100;
};

int list_jobs(Context& context, const ListOptions& options) {
  const ConsoleApi console(context.console_url);
  json jobs = json::array();
  std::string cursor;
  std::string unknown;   // why there are no ETAs
  std::string outdated;  // that they are not of now
  do {
    const int wanted = std::min(largest_page, options.limit - static_cast<int>(jobs.size()));
    const auto page =
        console.get("jobs?eta=true&state=" + options.state + "&limit=" + std::to_string(wanted) +
                    (cursor.empty() ? "" : "&cursor=" + escaped(cursor)));
    if (!page) return context.fail_with(page.error());
    for (const json& job : page->value("jobs", json::array())) jobs.push_back(job);
    cursor = text_field(*page, "next_cursor");
    unknown = text_field(*page, "eta_unknown", unknown);
    if (page->contains("outdated")) outdated = outdated_text(*page);
  } while (!cursor.empty() && static_cast<int>(jobs.size()) < options.limit);

  if (!unknown.empty()) context.err << "No ETA: " << printable(unknown) << '\n';
  context.err << outdated;
  if (context.json()) {
    context.print({{"jobs", jobs}, {"more", !cursor.empty()}});
    return done;
  }
  if (jobs.empty()) {
    context.out << "There are no " << (options.state == "all" ? "" : options.state + " ")
                << "jobs.\n";
    return done;
  }
  context.out << job_table(jobs, SystemClock().now(), context.width);
  if (!cursor.empty())
    context.err << "There are more: --limit " << options.limit * 10 << " shows up to so many.\n";
  return done;
}

}  // namespace

void add_list(CLI::App& app, Context& context) {
  const auto options = std::make_shared<ListOptions>();
  CLI::App* const command = app.add_subcommand(
      "list",
      "Lists jobs: first those that run, then the queue in order, then the latest that ended.");
  command
      ->add_option("--state", options->state,
                   "Only these; live is launching, running or cancelling")
      ->check(CLI::IsMember({"all", "queued", "live", "ended"}))
      ->capture_default_str();
  command->add_option("--limit", options->limit, "How many at most")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000).description(""))
      ->capture_default_str();
  command->footer(
      "Examples:\n"
      "  oppen list\n"
      "  oppen list --state queued --limit 1000\n"
      "  oppen list -o json | jq -r '.jobs[].job_id'\n"
      "In a narrow terminal columns are left out; in a pipe all are there.\n");
  command->callback([&context, options] {
    context.run = [&context, options] { return list_jobs(context, *options); };
  });
}

}  // namespace oppen::cli
