#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "producers/access/event_text.hpp"
#include "producers/cli/commands.hpp"
#include "producers/cli/context.hpp"
#include "producers/cli/end_options.hpp"
#include "producers/client/client.hpp"
#include "schemas/control.hpp"
#include "schemas/parse.hpp"
#include "schemas/topics.hpp"

namespace oppen::cli {
namespace {

using std::chrono::steady_clock;

struct QueueOptions {
  bool pause = false;
  EndOptions end;
  std::string reason;
  bool no_wait = false;
  int timeout_seconds = 30;
};

bool is_in_force(const PolicyChanged& changed, const PolicyOverride& wanted) {
  return std::any_of(changed.overrides.begin(), changed.overrides.end(), [&](const auto& held) {
    return held.key == wanted.key && held.value == wanted.value && held.until == wanted.until &&
           held.because == wanted.because;
  });
}

// The policy.changed that has the override, from `consumer`'s place on.
Result<CloudEvent> answer(const Context& context, client::Consumer& consumer,
                          const PolicyOverride& wanted, std::chrono::seconds timeout) {
  const auto give_up_at = steady_clock::now() + timeout;
  while (steady_clock::now() < give_up_at) {
    const auto record = consumer.poll(std::chrono::milliseconds{200});
    if (!record && record.error().kind != ErrorKind::unavailable)
      return fail(context.kafka_error(record.error()));
    if (!record || !*record) continue;
    auto event = decode((*record)->record);
    if (!event || event->type != PolicyChanged::type) continue;
    const auto changed = parse_data<PolicyChanged>(event->data);
    if (changed && is_in_force(*changed, wanted)) return *std::move(event);
  }
  return fail(ErrorKind::unavailable,
              "no answer within " + std::to_string(timeout.count()) +
                  " s: is the scheduler running? What was asked is kept on the bus and will be "
                  "carried out when the scheduler reads it; `oppen health` says what is away, "
                  "--timeout how long to wait");
}

void say(const Context& context, const PolicyOverride& wanted) {
  if (wanted.value != "true") {
    context.out << "The queue goes on.\n";
    return;
  }
  context.out << "The queue is paused"
              << (wanted.until ? " until " + to_rfc3339(*wanted.until) : "")
              << ": nothing new is launched. What runs goes on, jobs are taken in"
              << (wanted.until ? ".\n" : "; `oppen queue resume` ends it.\n");
}

int set_paused(const Context& context, const QueueOptions& options) {
  const auto until = end_of(options.end, SystemClock().now());
  if (!until) return context.fail_with(until.error());
  const auto by = "by " + user_name();
  const PolicyOverride wanted{"queue_paused", options.pause ? "true" : "false", *until,
                              options.reason.empty() ? by : options.reason + " (" + by + ")"};
  const auto settings = context.kafka();
  if (!settings) return context.fail_with(settings.error());
  const auto client = client::Client::create({*settings, "/oppen/cli", reach_deadline});
  if (!client) return context.fail_with(client.error());
  const auto consumer = client::Consumer::create(*settings, "");
  if (!consumer) return context.fail_with(consumer.error());
  if (!options.no_wait) {
    const client::TopicPartition control{std::string(topics::control), 0};
    const auto marks = (*consumer)->watermarks(control, reach_deadline);
    if (!marks) return context.fail_with(context.kafka_error(marks.error()));
    const auto assigned = (*consumer)->assign({{control, marks->high}});
    if (!assigned) return context.fail_with(context.kafka_error(assigned.error()));
  }
  if (const auto sent = (*client)->override_policy(wanted); !sent)
    return context.fail_with(context.kafka_error(sent.error()));
  if (options.no_wait) return done;
  const auto event =
      answer(context, **consumer, wanted, std::chrono::seconds(options.timeout_seconds));
  if (!event) return context.fail_with(event.error());
  if (context.json()) {
    context.print(event_json(*event));
  } else {
    say(context, wanted);
  }
  return done;
}

void add_common(CLI::App& command, Context& context, const std::shared_ptr<QueueOptions>& options) {
  command.add_option("--reason", options->reason, "Why; it is told with the policies in force");
  command.add_flag("--no-wait", options->no_wait, "Don't wait until it is in force");
  command
      .add_option("--timeout", options->timeout_seconds,
                  "How many seconds to wait until it is in force")
      ->type_name("SECONDS")
      ->check(CLI::Range(1, 86'400).description(""))
      ->capture_default_str();
  command.callback([&context, options] {
    context.run = [&context, options] { return set_paused(context, *options); };
  });
}

}  // namespace

void add_queue(CLI::App& app, Context& context) {
  CLI::App* const queue = app.add_subcommand("queue", "Pauses the queue, and lets it go on.");
  queue->require_subcommand(1);

  const auto pausing = std::make_shared<QueueOptions>();
  pausing->pause = true;
  CLI::App* const pause = queue->add_subcommand(
      "pause", "Launches nothing new; what runs goes on, and jobs are taken in.");
  add_end(*pause, pausing->end, "it goes on by itself");
  add_common(*pause, context, pausing);
  pause->footer(
      "Examples:\n"
      "  oppen queue pause --reason \"new drivers\"\n"
      "  oppen queue pause --for 2h\n"
      "  oppen queue pause --until 2026-01-03T18:15:00Z\n"
      "A later one takes the place of an earlier one.\n");

  const auto resuming = std::make_shared<QueueOptions>();
  CLI::App* const resume = queue->add_subcommand("resume", "Lets the queue go on.");
  add_common(*resume, context, resuming);
  resume->footer(
      "Examples:\n"
      "  oppen queue resume\n");
}

}  // namespace oppen::cli
