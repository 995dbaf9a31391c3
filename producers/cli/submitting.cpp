#include "producers/cli/submitting.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "producers/access/bus.hpp"
#include "producers/access/event_text.hpp"

namespace oppen::cli {
namespace {

int show_submit_answer(const Context& context, const std::string& job_id, const CloudEvent& event) {
  const bool rejected = event.type == JobRejected::type;
  const bool conflict = event.type == JobDuplicate::type && event.data.contains("conflict") &&
                        event.data["conflict"] == true;
  if (context.json()) {
    context.print(event_json(event));
  } else if (event.type == JobQueued::type) {
    context.out << "Job " << job_id << " queued at " << event_details(event) << '\n';
  } else if (rejected) {
    context.err << "oppen: job " << job_id << " is rejected, " << event_details(event) << '\n';
  } else if (conflict) {
    context.err << "oppen: a job " << job_id << " with a different spec is known already ("
                << text_field(event.data, "state") << ", first seen "
                << text_field(event.data, "first_seen")
                << "); it stands, nothing was changed. Choose another --job-id.\n";
  } else {
    context.out << "Job " << job_id << " is known already: " << text_field(event.data, "state")
                << ", first seen " << text_field(event.data, "first_seen") << '\n';
  }
  return rejected || conflict ? answer_is_no : done;
}

}  // namespace

void add_submit_wait(CLI::App& command, SubmitWait& wait) {
  command.add_flag("--no-wait", wait.no_wait,
                   "Print the id once Kafka has the job; don't wait for the scheduler");
  command
      .add_option("--timeout", wait.timeout_seconds,
                  "How many seconds to wait for the scheduler's answer")
      ->type_name("SECONDS")
      ->check(CLI::Range(1, 86'400).description(""))
      ->capture_default_str();
}

int submit_and_show(const Context& context, const JobSpec& spec, const SubmitWait& wait) {
  const std::string& job_id = spec.job_id;
  auto bus = Bus::connect(context);
  if (!bus) return context.fail_with(bus.error());
  if (!wait.no_wait) {
    if (const auto ready = bus->expect(job_id); !ready) return context.fail_with(ready.error());
  }
  if (const auto sent = bus->client().submit(spec); !sent)
    return context.fail_with(context.kafka_error(sent.error()));
  if (wait.no_wait) {
    if (context.json()) {
      context.print({{"job_id", job_id}});
    } else {
      context.out << job_id << '\n';
    }
    return done;
  }
  const auto answer = bus->answer(job_id, {JobQueued::type, JobRejected::type, JobDuplicate::type},
                                  std::chrono::seconds(wait.timeout_seconds));
  return answer ? show_submit_answer(context, job_id, *answer) : context.fail_with(answer.error());
}

}  // namespace oppen::cli
