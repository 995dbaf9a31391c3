#include "producers/cli/app.hpp"

#include <CLI/CLI.hpp>

#include "producers/cli/commands.hpp"

namespace oppen::cli {

std::unique_ptr<CLI::App> make_app(Context& context) {
  auto app = std::make_unique<CLI::App>(
      "Submits training jobs to Oppen and shows what becomes of them.", "oppen");
  app->set_version_flag("--version", OPPEN_VERSION);
  app->require_subcommand(0, 1);
  app->fallthrough();  // global options may follow the command
  app->add_option("-o,--output", context.output,
                  "How to print results: text for people, json for programs")
      ->check(CLI::IsMember({"text", "json"}))
      ->take_last()
      ->capture_default_str();
  app->add_option("--kafka-brokers", context.kafka_brokers,
                  "Kafka's bootstrap servers, host:port,...")
      ->envname("OPPEN_KAFKA_BROKERS")
      ->take_last()
      ->capture_default_str();
  app->add_option("--kafka-properties", context.kafka_properties,
                  "Any librdkafka properties (TLS, SASL): name=value;name=value")
      ->envname("OPPEN_KAFKA_PROPERTIES")
      ->take_last();
  app->add_option("--topic-prefix", context.topic_prefix, "What the topics' names begin with")
      ->envname("OPPEN_TOPIC_PREFIX")
      ->take_last()
      ->capture_default_str();
  app->add_option("--console-url", context.console_url, "Where oppen-console answers questions")
      ->envname("OPPEN_CONSOLE_URL")
      ->take_last()
      ->capture_default_str();
  app->footer(
      "Examples:\n"
      "  oppen submit --model-type mnist --epochs 2      submit a job and hear its place in the "
      "queue\n"
      "  oppen status                                    the queue at a glance\n"
      "  oppen explain JOB                               why it waits, and until when\n"
      "  oppen logs -f JOB                               what the job writes, as it comes\n"
      "  oppen COMMAND --help                            each command with examples of its own\n"
      "Exit codes: 0 done, 1 the answer is no, 2 bad usage or input, 3 a service cannot be "
      "reached, 4 no such thing.\n");
  for (const auto add :
       {add_submit,   add_submit_batch, add_retry,   add_amend,       add_cancel,
        add_queue,    add_status,       add_list,    add_describe,    add_explain,
        add_simulate, add_wait,         add_logs,    add_watch,       add_report,
        add_forecast, add_recommend,    add_compare, add_dead_letter, add_health,
        add_budget,   add_proposals,    add_alerts,  add_dashboard,   add_challenge,
        add_repl,     add_tool,         add_mcp,     add_completion}) {
    add(*app, context);
  }
  return app;
}

int run_app(Context& context, int argc, const char* const* argv) {
  const auto app = make_app(context);
  try {
    app->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app->exit(error, context.out, context.err) == 0 ? done : bad_input;
  }
  if (!context.run) {
    context.err << app->help();
    return bad_input;
  }
  return context.run();
}

}  // namespace oppen::cli
