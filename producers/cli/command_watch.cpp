#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "producers/cli/commands.hpp"
#include "producers/cli/event_text.hpp"
#include "producers/cli/follower.hpp"
#include "schemas/topics.hpp"

namespace oppen::cli {
namespace {

struct WatchOptions {
  bool from_beginning = false;
  std::vector<std::string> jobs;
  std::string team;
};

bool is_wanted(const WatchOptions& options, const CloudEvent& event) {
  const std::string job = job_or_run_of(event.data);
  const bool of_job = options.jobs.empty() || std::find(options.jobs.begin(), options.jobs.end(),
                                                        job) != options.jobs.end();
  return of_job && (options.team.empty() || team_of(event.data) == options.team);
}

int watch_topic(Context& context, std::string_view topic, const WatchOptions& options) {
  auto follower = Follower::open(context, topic, options.jobs, options.from_beginning);
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

struct Watched {
  const char* name;
  std::string_view topic;
  const char* help;
  const char* examples;
};
constexpr Watched watched[] = {
    {"jobs", topics::job_events, "Prints what happens to jobs, one line an event.",
     "Examples:\n"
     "  oppen watch jobs\n"
     "  oppen watch jobs --job mnist-7 --from-beginning\n"
     "  oppen watch jobs -o json | jq 'select(.event == \"job.failed\")'\n"},
    {"costs", topics::costs,
     "Prints what is charged, one line an interval of at most 30 seconds of an attempt.",
     "Examples:\n"
     "  oppen watch costs --team vision\n"
     "  oppen watch costs --job mnist-7 --from-beginning -o json | jq .total_microusd\n"},
    {"recommendations", topics::recommendations,
     "Prints what could have been saved on runs, soon after each has ended.",
     "Examples:\n"
     "  oppen watch recommendations --team vision\n"
     "  oppen watch recommendations --from-beginning -o json | jq -r .action.command\n"},
    {"alerts", topics::alerts, "Prints alerts, as they fire, get worse and are over.",
     "Examples:\n"
     "  oppen watch alerts --team vision\n"
     "  oppen watch alerts --from-beginning -o json | jq 'select(.severity == \"critical\")'\n"},
};

}  // namespace

void add_watch(CLI::App& app, Context& context) {
  CLI::App* const watch =
      app.add_subcommand("watch", "Prints what happens, as it happens, until interrupted.");
  watch->require_subcommand(1);
  for (const auto& one : watched) {
    const auto options = std::make_shared<WatchOptions>();
    CLI::App* const command = watch->add_subcommand(one.name, one.help);
    command->add_flag("--from-beginning", options->from_beginning,
                      "Also what Kafka still keeps of the past");
    command->add_option("--job", options->jobs, "Only this job; may be repeated")
        ->allow_extra_args(false);
    command->add_option("--team", options->team, "Only this team's jobs");
    command->footer(one.examples);
    command->callback([&context, options, topic = one.topic] {
      context.run = [&context, options, topic] { return watch_topic(context, topic, *options); };
    });
  }
}

}  // namespace oppen::cli
