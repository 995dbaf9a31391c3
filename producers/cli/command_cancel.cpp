#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "producers/access/bus.hpp"
#include "producers/access/event_text.hpp"
#include "producers/cli/cancel_many.hpp"
#include "producers/cli/commands.hpp"

namespace oppen::cli {
namespace {

struct CancelOptions {
  std::vector<std::string> jobs;
  std::string batch;
  std::string team;
  std::string reason;
  bool no_wait = false;
  int timeout_seconds = 120;
};

int show_cancel_answer(const Context& context, const std::string& job_id, const CloudEvent& event) {
  const bool refused = event.type == JobCancelRefused::type;
  const bool unknown = text_field(event.data, "why") == "unknown";
  if (context.json()) {
    context.print(event_json(event), false);
  } else if (!refused) {
    context.out << "Job " << job_id << " cancelled, " << event_details(event) << '\n';
  } else {
    context.err << "oppen: job " << job_id
                << (unknown ? " is not known: `oppen list` shows those there are\n"
                            : " has ended already\n");
  }
  return !refused ? done : unknown ? no_such_thing : answer_is_no;
}

int cancel_jobs(const Context& context, const CancelOptions& options) {
  auto bus = Bus::connect(context);
  if (!bus) return context.fail_with(bus.error());
  for (const std::string& job_id : options.jobs) {
    if (!options.no_wait) {
      if (const auto ready = bus->expect(job_id); !ready) return context.fail_with(ready.error());
    }
    const auto sent = bus->client().cancel({job_id, "", user_name(), options.reason});
    if (!sent) return context.fail_with(context.kafka_error(sent.error()));
  }
  if (options.no_wait) return done;
  int worst = done;  // unreachable over unknown over ended already
  const auto until =
      std::chrono::steady_clock::now() + std::chrono::seconds(options.timeout_seconds);
  for (const std::string& job_id : options.jobs) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    const auto answer = bus->answer(job_id, {JobCancelled::type, JobCancelRefused::type},
                                    std::max(left, std::chrono::milliseconds{1}));
    if (!answer) return context.fail_with(answer.error());
    worst = std::max(worst, show_cancel_answer(context, job_id, *answer));
  }
  return worst;
}

int cancel(const Context& context, const CancelOptions& options) {
  const int ways = (options.jobs.empty() ? 0 : 1) + (options.batch.empty() ? 0 : 1) +
                   (options.team.empty() ? 0 : 1);
  if (ways != 1) {
    return context.fail_with({ErrorKind::invalid,
                              "what is to be cancelled is named in one way: by the ids of jobs, by "
                              "--batch, or by --team"});
  }
  const CancelMany many{options.reason, options.no_wait,
                        std::chrono::seconds(options.timeout_seconds)};
  if (!options.batch.empty()) return cancel_batch(context, options.batch, many);
  if (!options.team.empty()) return cancel_team(context, options.team, many);
  return cancel_jobs(context, options);
}

}  // namespace

void add_cancel(CLI::App& app, Context& context) {
  const auto options = std::make_shared<CancelOptions>();
  CLI::App* const command = app.add_subcommand("cancel", "Cancels jobs that wait or run.");
  command->add_option("job", options->jobs, "The ids of the jobs");
  command->add_option("--batch", options->batch, "All jobs of this batch, instead of ids");
  command->add_option("--team", options->team,
                      "All jobs of this team that wait or run now, instead of ids");
  command->add_option("--reason", options->reason, "Why; it is kept with the job");
  command->add_flag("--no-wait", options->no_wait, "Don't wait until they are cancelled");
  command
      ->add_option("--timeout", options->timeout_seconds,
                   "How many seconds to wait until they are cancelled")
      ->type_name("SECONDS")
      ->check(CLI::Range(1, 86'400).description(""))
      ->capture_default_str();
  command->footer(
      "Examples:\n"
      "  oppen cancel mnist-7\n"
      "  oppen cancel mnist-7 mnist-8 --reason \"wrong data set\"\n"
      "  oppen cancel --batch sweep-3\n"
      "  oppen cancel --team vision --reason \"budget is spent\"\n"
      "A running job has been cancelled once its pod is gone, which takes up to its grace period.\n"
      "Exit code 1: a job, or all of a batch, had ended already; 4: there is no such job or "
      "batch.\n");
  command->callback([&context, options] {
    context.run = [&context, options] { return cancel(context, *options); };
  });
}

}  // namespace oppen::cli
