#include <CLI/CLI.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

#include "producers/access/bus.hpp"
#include "producers/access/event_text.hpp"
#include "producers/access/spec_input.hpp"
#include "producers/cli/commands.hpp"

namespace oppen::cli {
namespace {

using nlohmann::json;

constexpr std::size_t large_batch = 1'000;  // takes long enough to say what goes on

struct SubmitBatchOptions {
  std::string file;
  BatchOptions batch;
  double max_total_usd = -1;
  bool no_wait = false;
  int timeout_seconds = 120;
};

void show_rejected(const Context& context, const std::string& batch_id, const json& data) {
  context.err << "oppen: batch " << batch_id << " is rejected; none of its jobs was queued:\n";
  for (const json& error : data.value("errors", json::array())) {
    context.err << "  " << fault_text(error) << '\n';
  }
}

int show_batch_answer(const Context& context, const std::string& batch_id,
                      const CloudEvent& event) {
  const bool rejected = event.type == BatchRejected::type;
  const bool conflict = event.type == BatchDuplicate::type && event.data.contains("conflict") &&
                        event.data["conflict"] == true;
  if (context.json()) {
    context.print(event_json(event));
  } else if (rejected) {
    show_rejected(context, batch_id, event.data);
  } else if (event.type == BatchQueued::type) {
    context.out << "Batch " << batch_id << " queued: " << event_details(event) << '\n';
    const json jobs = event.data.value("jobs", json::array());
    const json positions = event.data.value("positions", json::array());
    if (!jobs.empty() && jobs[0].is_string() && !positions.empty() && positions[0].is_number()) {
      context.out << "The first, " << jobs[0].get<std::string>() << ", is at position "
                  << positions[0].get<std::int64_t>() << '\n';
    }
  } else if (conflict) {
    context.err << "oppen: a batch " << batch_id << " with other jobs is known already (first seen "
                << text_field(event.data, "first_seen")
                << "); it stands, nothing was changed. Choose another --batch-id.\n";
  } else {
    context.out << "Batch " << batch_id << " is known already, first seen "
                << text_field(event.data, "first_seen") << '\n';
  }
  return rejected || conflict ? answer_is_no : done;
}

int submit_batch(Context& context, SubmitBatchOptions& options) {
  const auto text = read_input(context, options.file);
  if (!text) return context.fail_with(text.error());
  if (options.max_total_usd >= 0) {
    options.batch.max_total = MicroUsd{std::llround(options.max_total_usd * 1e6)};
  }
  const auto batch = checked_batch(*text, options.batch);
  if (!batch) return context.fail_with("the batch", batch.error());

  const std::string& batch_id = batch->batch_id;
  const bool large = batch->jobs.size() >= large_batch;
  auto bus = Bus::connect(context);
  if (!bus) return context.fail_with(bus.error());
  if (!options.no_wait) {
    if (const auto ready = bus->expect(batch_id); !ready) return context.fail_with(ready.error());
  }
  if (large)
    context.err << "publishing batch " << batch_id << " of " << batch->jobs.size() << " jobs\n"
                << std::flush;
  const auto sent = bus->client().submit_batch(*batch);
  if (!sent) return context.fail_with(context.kafka_error(sent.error()));
  if (options.no_wait) {
    if (context.json()) {
      context.print({{"batch_id", batch_id}, {"jobs", *sent}});
    } else {
      context.out << batch_id << '\n';
    }
    return done;
  }
  if (large) context.err << "Kafka has it; waiting for the scheduler\n" << std::flush;
  const auto answer =
      bus->answer(batch_id, {BatchQueued::type, BatchRejected::type, BatchDuplicate::type},
                  std::chrono::seconds(options.timeout_seconds));
  return answer ? show_batch_answer(context, batch_id, *answer) : context.fail_with(answer.error());
}

}  // namespace

void add_submit_batch(CLI::App& app, Context& context) {
  const auto options = std::make_shared<SubmitBatchOptions>();
  CLI::App* const command = app.add_subcommand(
      "submit-batch",
      "Submits many jobs at once: all are queued, or none, and their cost is named.");
  command
      ->add_option(
          "file", options->file,
          "The jobs (- for stdin): a JSON array of specs, {\"jobs\":[...]}, or one spec a line")
      ->required();
  command->add_option("--batch-id", options->batch.batch_id,
                      "An id of your own: submitting it again does nothing more");
  command
      ->add_option("--max-total", options->max_total_usd,
                   "The most that all may cost together, in dollars")
      ->type_name("USD")
      ->check(CLI::Range(0.0, 1e9).description(""));
  command->add_flag("--no-wait", options->no_wait,
                    "Print the id once Kafka has the batch; don't wait for the scheduler");
  command
      ->add_option("--timeout", options->timeout_seconds,
                   "How many seconds to wait for the scheduler's answer")
      ->type_name("SECONDS")
      ->check(CLI::Range(1, 86'400).description(""))
      ->capture_default_str();
  command->footer(
      "Examples:\n"
      "  oppen submit-batch jobs.json\n"
      "  oppen submit-batch sweep.jsonl --batch-id sweep-7 --max-total 0.50\n"
      "  jq -nc 'range(8;72;8) | {model_type: \"mnist\", epochs: 2, batch_size: .}' | oppen "
      "submit-batch -\n"
      "Every fault of every job is named, and nothing is sent, when one is wrong. Exit code 1: "
      "rejected.\n");
  command->callback([&context, options] {
    context.run = [&context, options] { return submit_batch(context, *options); };
  });
}

}  // namespace oppen::cli
