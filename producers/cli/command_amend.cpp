#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "producers/access/bus.hpp"
#include "producers/access/event_text.hpp"
#include "producers/cli/commands.hpp"
#include "schemas/parse.hpp"

namespace oppen::cli {
namespace {

struct AmendOptions {
  JobAmend amend;
  bool no_wait = false;
  int timeout_seconds = 30;
};

int show_amend_answer(const Context& context, const std::string& job_id, const CloudEvent& event) {
  const bool refused = event.type == JobAmendRefused::type;
  const bool unknown = refused && text_field(event.data, "why") == "unknown";
  if (context.json()) {
    context.print(event_json(event));
  } else if (!refused) {
    context.out << "Job " << job_id << " amended: " << event_details(event) << '\n';
  } else {
    context.err << "oppen: job " << job_id
                << (unknown ? " is not known: `oppen list` shows those there are"
                            : " is not amended, it " + event_details(event))
                << '\n';
  }
  return !refused ? done : unknown ? no_such_thing : answer_is_no;
}

int amend(Context& context, AmendOptions& options) {
  const std::string& job_id = options.amend.job_id;
  const auto& changes = options.amend.changes;
  if (!changes.priority && !changes.window && !changes.batch_size && !changes.spot &&
      !changes.gpu_type) {
    return context.fail_with({ErrorKind::invalid,
                              "nothing is to be changed: name at least one of --priority, "
                              "--window, --batch-size, --spot, --no-spot, --gpu-type"});
  }
  options.amend.requested_by = user_name();
  const auto checked = parse_data<JobAmend>(to_data(options.amend));
  if (!checked) return context.fail_with("the change", checked.error());
  auto bus = Bus::connect(context);
  if (!bus) return context.fail_with(bus.error());
  if (!options.no_wait) {
    if (const auto ready = bus->expect(job_id); !ready) return context.fail_with(ready.error());
  }
  if (const auto sent = bus->client().amend(options.amend); !sent)
    return context.fail_with(context.kafka_error(sent.error()));
  if (options.no_wait) return done;
  const auto answer = bus->answer(job_id, {JobAmended::type, JobAmendRefused::type},
                                  std::chrono::seconds(options.timeout_seconds));
  return answer ? show_amend_answer(context, job_id, *answer) : context.fail_with(answer.error());
}

}  // namespace

void add_amend(CLI::App& app, Context& context) {
  const auto options = std::make_shared<AmendOptions>();
  JobAmend::Changes& changes = options->amend.changes;
  CLI::App* const command = app.add_subcommand("amend", "Changes a job that waits in the queue.");
  command->add_option("job", options->amend.job_id, "The id of the job")->required();
  command
      ->add_option_function<std::string>(
          "-p,--priority",
          [&changes](const std::string& text) { changes.priority = *parse_priority(text); },
          "Before whom it goes")
      ->check(CLI::IsMember({"urgent", "normal", "background"}));
  command->add_option("--window", changes.window, "off_peak: hold it until the cheap hours")
      ->check(CLI::IsMember({"any", "off_peak"}));
  command->add_option("--batch-size", changes.batch_size, "Samples in a step")->type_name("N");
  CLI::Option* const spot = command->add_flag_callback(
      "--spot", [&changes] { changes.spot = true; }, "Take cheap nodes that may be taken away");
  command
      ->add_flag_callback(
          "--no-spot", [&changes] { changes.spot = false; }, "Don't take them")
      ->excludes(spot);
  command->add_option("--gpu-type", changes.gpu_type, "Which GPU, such as A100");
  command->add_flag("--no-wait", options->no_wait, "Don't wait for the scheduler's answer");
  command
      ->add_option("--timeout", options->timeout_seconds,
                   "How many seconds to wait for the scheduler's answer")
      ->type_name("SECONDS")
      ->check(CLI::Range(1, 86'400).description(""))
      ->capture_default_str();
  command->footer(
      "Examples:\n"
      "  oppen amend mnist-7 --priority urgent\n"
      "  oppen amend mnist-7 --window off_peak --spot\n"
      "Only what is named changes, and only while the job waits; it keeps its place in the order "
      "of its priority.\n"
      "Exit code 1: it has started or ended, or would be rejected so; 4: there is no such job.\n");
  command->callback([&context, options] {
    context.run = [&context, options] { return amend(context, *options); };
  });
}

}  // namespace oppen::cli
