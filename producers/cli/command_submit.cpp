#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "producers/cli/commands.hpp"
#include "producers/cli/spec_flags.hpp"
#include "producers/cli/spec_input.hpp"
#include "producers/cli/submitting.hpp"
#include "schemas/cloud_event.hpp"

namespace oppen::cli {
namespace {

using nlohmann::json;

struct SubmitOptions {
  SpecFlags flags;
  std::string file;
  SubmitWait wait;
};

int submit(Context& context, SubmitOptions& options) {
  json base = json::object();
  if (!options.file.empty()) {
    const auto text = read_input(context, options.file);
    if (!text) return context.fail_with(text.error());
    auto parsed = parse_event_data(*text);
    if (!parsed || !parsed->is_object()) {
      return context.fail_with(
          {ErrorKind::invalid,
           options.file + " is not a JSON object with a job spec, of at most 32 levels"});
    }
    base = *std::move(parsed);
  }
  std::erase_if(options.flags.lists, [](const auto& list) { return list.second.empty(); });
  auto spec = with_flags(std::move(base), options.flags);
  if (!spec) return context.fail_with("the job", spec.error());
  const auto job = checked_job(*std::move(spec));
  if (!job) return context.fail_with("the job", job.error());

  return submit_and_show(context, job->spec, options.wait);
}

}  // namespace

void add_submit(CLI::App& app, Context& context) {
  const auto options = std::make_shared<SubmitOptions>();
  CLI::App* const command =
      app.add_subcommand("submit", "Submits one job and says its place, expected wait and cost.");
  command->add_option("-f,--file", options->file,
                      "A job spec as JSON (- for stdin); flags go over it");
  add_submit_wait(*command, options->wait);
  add_spec_flags(*command, options->flags);
  command->footer(
      "Examples:\n"
      "  oppen submit --model-type mnist --epochs 2 --priority urgent\n"
      "  oppen submit -m llm --gpus 1 --cpu 4 --memory 8Gi --env LR=0.01 --team research\n"
      "  oppen submit -m custom --image registry.example/train:3 --gpus 0 -- python train.py "
      "--steps 100\n"
      "  oppen submit -f job.json --priority background\n"
      "What is left out comes from the model catalogue. Exit code 1: rejected, or the id is taken "
      "by another spec.\n");
  command->callback([&context, options] {
    context.run = [&context, options] { return submit(context, *options); };
  });
}

}  // namespace oppen::cli
