#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "producers/access/console_api.hpp"
#include "producers/access/event_text.hpp"
#include "producers/access/spec_input.hpp"
#include "producers/cli/commands.hpp"
#include "producers/cli/submitting.hpp"
#include "schemas/job.hpp"

namespace oppen::cli {
namespace {

using nlohmann::json;

struct RetryOptions {
  std::string job;
  std::string new_id;
  SubmitWait wait;
};

// Why the job can't be submitted anew; "" when it can.
std::string refusal(const std::string& id, const json& job) {
  const std::string state = text_field(job, "state");
  if (const auto known = parse_job_state(state); !known || !is_terminal(*known)) {
    return "job " + id + " has not ended, it is " + state + ": `oppen wait " + id +
           "` waits for it, `oppen cancel " + id + "` ends it";
  }
  // Of a spec that was refused only what could be read is kept.
  if (state == to_string(JobState::rejected))
    return "job " + id + " was rejected and has never been queued: submit it with a right spec";
  return "";
}

int retry(Context& context, const RetryOptions& options) {
  const ConsoleApi console(context.console_url);
  const auto old = console.get("jobs/" + escaped(options.job));
  if (!old) return context.fail_with(old.error());
  if (const auto why = refusal(options.job, *old); !why.empty())
    return context.fail_with({ErrorKind::refused, why});
  json spec = old->value("spec", json::object());
  if (!spec.is_object()) spec = json::object();
  spec["job_id"] = options.new_id.empty() ? retry_id(options.job) : options.new_id;
  // What it waited for has ended, and may be forgotten by now.
  spec.erase("after");
  const auto job = checked_job(std::move(spec));
  if (!job) return context.fail_with("the job", job.error());
  return submit_and_show(context, job->spec, options.wait);
}

}  // namespace

void add_retry(CLI::App& app, Context& context) {
  const auto options = std::make_shared<RetryOptions>();
  CLI::App* const command = app.add_subcommand(
      "retry", "Submits a job that has ended anew, with the same spec under a new id.");
  command->add_option("job", options->job, "The id of the job that has ended")->required();
  command->add_option("--job-id", options->new_id,
                      "The new id; <job>-retry-1 without, then -retry-2");
  add_submit_wait(*command, options->wait);
  command->footer(
      "Examples:\n"
      "  oppen retry mnist-7                        # becomes mnist-7-retry-1\n"
      "  oppen retry mnist-7-retry-1                # becomes mnist-7-retry-2\n"
      "  oppen retry mnist-7 --job-id mnist-again\n"
      "The job may have failed, been cancelled or succeeded. The new one waits for no other job "
      "(--after\n"
      "of the old one is left out). Exit code 1: it has not ended, or the new one is rejected; 4: "
      "there is no such job.\n");
  command->callback([&context, options] {
    context.run = [&context, options] { return retry(context, *options); };
  });
}

}  // namespace oppen::cli
