#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "producers/cli/commands.hpp"
#include "producers/cli/event_text.hpp"
#include "producers/cli/job_follower.hpp"

namespace oppen::cli {
namespace {

struct WatchOptions {
  bool from_beginning = false;
  std::vector<std::string> jobs;
  std::string team;
};

bool is_wanted(const WatchOptions& options, const CloudEvent& event) {
  const auto is = [](const std::string& id) {
    return [&id](const std::string& wanted) { return wanted == id; };
  };
  const std::string job = text_field(event.data, "job_id");
  const bool of_job =
      options.jobs.empty() || std::any_of(options.jobs.begin(), options.jobs.end(), is(job));
  return of_job && (options.team.empty() || text_field(event.data, "team") == options.team);
}

int watch_jobs(Context& context, const WatchOptions& options) {
  auto follower = JobFollower::open(context, options.jobs, options.from_beginning);
  if (!follower) return context.fail_with(follower.error());
  while (context.out) {  // until interrupted
    const auto event = follower->next(std::chrono::seconds{1});
    if (!event) return context.fail_with(event.error());
    if (!*event || !is_wanted(options, **event)) continue;
    if (context.json()) {
      context.print(event_json(**event), false);
    } else {
      context.out << event_line(**event) << '\n' << std::flush;
    }
  }
  return done;
}

}  // namespace

void add_watch(CLI::App& app, Context& context) {
  CLI::App* const watch =
      app.add_subcommand("watch", "Prints what happens, as it happens, until interrupted.");
  watch->require_subcommand(1);
  const auto options = std::make_shared<WatchOptions>();
  CLI::App* const jobs =
      watch->add_subcommand("jobs", "Prints what happens to jobs, one line an event.");
  jobs->add_flag("--from-beginning", options->from_beginning,
                 "Also what Kafka still keeps of the past");
  jobs->add_option("--job", options->jobs, "Only this job; may be repeated")
      ->allow_extra_args(false);
  jobs->add_option("--team", options->team, "Only this team's jobs");
  jobs->footer(
      "Examples:\n"
      "  oppen watch jobs\n"
      "  oppen watch jobs --job mnist-7 --from-beginning\n"
      "  oppen watch jobs -o json | jq 'select(.event == \"job.failed\")'\n");
  jobs->callback([&context, options] {
    context.run = [&context, options] { return watch_jobs(context, *options); };
  });
}

}  // namespace oppen::cli
