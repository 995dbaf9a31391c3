#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "producers/cli/commands.hpp"
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

// One flag of the command line for one field of the spec.
CLI::Option* text(CLI::App& app, SubmitOptions& options, const std::string& flag,
                  const std::string& field, const std::string& help) {
  return app
      .add_option_function<std::string>(
          flag, [&options, field](const std::string& value) { options.flags.texts[field] = value; },
          help)
      ->group("The job");
}

void number(CLI::App& app, SubmitOptions& options, const std::string& flag,
            const std::string& field, const std::string& help) {
  app.add_option_function<double>(
         flag, [&options, field](double value) { options.flags.numbers[field] = value; }, help)
      ->type_name("N")
      ->group("The job");
}

void list(CLI::App& app, const std::string& flag, std::vector<std::string>& into,
          const std::string& help) {
  app.add_option(flag, into, help + "; may be repeated")->allow_extra_args(false)->group("The job");
}

void add_flags(CLI::App& app, SubmitOptions& options) {
  SpecFlags& flags = options.flags;
  text(app, options, "-m,--model-type", "model_type", "Its entry in the model catalogue");
  text(app, options, "--job-id", "job_id",
       "An id of your own: submitting it again does nothing more");
  text(app, options, "--name", "name", "A name for people");
  text(app, options, "--workload-type", "workload_type", "What kind of work it is")
      ->check(CLI::IsMember({"training", "inference", "batch"}));
  text(app, options, "-p,--priority", "priority", "Before whom it goes")
      ->check(CLI::IsMember({"urgent", "normal", "background"}));
  number(app, options, "--epochs", "epochs", "How many passes over the data");
  number(app, options, "--batch-size", "batch_size", "Samples in a step");
  number(app, options, "--gpus", "resources.gpus", "Whole GPUs; 0 for none");
  number(app, options, "--gpu-share", "resources.gpu_share",
         "A part of one GPU (0 to 1), instead of --gpus");
  text(app, options, "--gpu-type", "resources.gpu_type", "Which GPU, such as A100; any without");
  text(app, options, "--cpu", "resources.cpu", "Cores: 2, or 500m");
  text(app, options, "--memory", "resources.memory", "Memory: 2Gi");
  text(app, options, "--image", "image", "The container's image, instead of the catalogue's");
  list(app, "--arg", flags.lists["args"],
       "An argument for the image's own command (--arg=--flag for one with dashes)");
  list(app, "--env", flags.env, "KEY=VALUE for the container");
  list(app, "--secret", flags.lists["secrets"],
       "The name of a Secret whose keys become environment variables");
  text(app, options, "--team", "team", "Who pays");
  text(app, options, "--project", "project", "For what");
  text(app, options, "--user", "user", "Whose it is");
  list(app, "--label", flags.labels, "KEY=VALUE for the pod");
  app.add_flag_callback(
         "--spot", [&flags] { flags.switches["spot"] = true; },
         "Take cheap nodes that may be taken away")
      ->group("The job");
  text(app, options, "--window", "window", "off_peak: hold it until the cheap hours")
      ->check(CLI::IsMember({"any", "off_peak"}));
  number(app, options, "--max-runtime", "max_runtime_seconds", "Seconds after which it is ended");
  number(app, options, "--max-retries", "max_retries", "How often it is tried again");
  list(app, "--after", flags.lists["after"], "A job that must succeed first");
  app.add_flag_callback(
         "--preemptible", [&flags] { flags.switches["preemptible"] = true; },
         "It may be stopped for a more urgent one")
      ->group("The job");
  app.add_option("command", flags.lists["command"], "After --: the command to run in the container")
      ->group("The job");
}

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
  add_flags(*command, *options);
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
