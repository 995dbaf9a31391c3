#include "producers/cli/spec_flags.hpp"

#include <CLI/CLI.hpp>

namespace oppen::cli {
namespace {

// One flag of the command line for one field of the spec.
CLI::Option* spec_text(CLI::App& app, SpecFlags& flags, const std::string& flag,
                       const std::string& field, const std::string& help) {
  return app
      .add_option_function<std::string>(
          flag, [&flags, field](const std::string& value) { flags.texts[field] = value; }, help)
      ->group("The job");
}

void spec_number(CLI::App& app, SpecFlags& flags, const std::string& flag, const std::string& field,
                 const std::string& help) {
  app.add_option_function<double>(
         flag, [&flags, field](double value) { flags.numbers[field] = value; }, help)
      ->type_name("N")
      ->group("The job");
}

void spec_list(CLI::App& app, const std::string& flag, std::vector<std::string>& into,
               const std::string& help) {
  app.add_option(flag, into, help + "; may be repeated")->allow_extra_args(false)->group("The job");
}

}  // namespace

void add_spec_flags(CLI::App& app, SpecFlags& flags) {
  spec_text(app, flags, "-m,--model-type", "model_type", "Its entry in the model catalogue");
  spec_text(app, flags, "--job-id", "job_id",
            "An id of your own: submitting it again does nothing more");
  spec_text(app, flags, "--name", "name", "A name for people");
  spec_text(app, flags, "--workload-type", "workload_type", "What kind of work it is")
      ->check(CLI::IsMember({"training", "inference", "batch"}));
  spec_text(app, flags, "-p,--priority", "priority", "Before whom it goes")
      ->check(CLI::IsMember({"urgent", "normal", "background"}));
  spec_number(app, flags, "--epochs", "epochs", "How many passes over the data");
  spec_number(app, flags, "--batch-size", "batch_size", "Samples in a step");
  spec_number(app, flags, "--gpus", "resources.gpus", "Whole GPUs; 0 for none");
  spec_number(app, flags, "--gpu-share", "resources.gpu_share",
              "A part of one GPU (0 to 1), instead of --gpus");
  spec_text(app, flags, "--gpu-type", "resources.gpu_type", "Which GPU, such as A100; any without");
  spec_text(app, flags, "--cpu", "resources.cpu", "Cores: 2, or 500m");
  spec_text(app, flags, "--memory", "resources.memory", "Memory: 2Gi");
  spec_text(app, flags, "--image", "image", "The container's image, instead of the catalogue's");
  spec_list(app, "--arg", flags.lists["args"],
            "An argument for the image's own command (--arg=--flag for one with dashes)");
  spec_list(app, "--env", flags.env, "KEY=VALUE for the container");
  spec_list(app, "--secret", flags.lists["secrets"],
            "The name of a Secret whose keys become environment variables");
  spec_text(app, flags, "--team", "team", "Who pays");
  spec_text(app, flags, "--project", "project", "For what");
  spec_text(app, flags, "--user", "user", "Whose it is");
  spec_list(app, "--label", flags.labels, "KEY=VALUE for the pod");
  app.add_flag_callback(
         "--spot", [&flags] { flags.switches["spot"] = true; },
         "Take cheap nodes that may be taken away")
      ->group("The job");
  spec_text(app, flags, "--window", "window", "off_peak: hold it until the cheap hours")
      ->check(CLI::IsMember({"any", "off_peak"}));
  spec_number(app, flags, "--max-runtime", "max_runtime_seconds",
              "Seconds after which it is ended");
  spec_number(app, flags, "--max-retries", "max_retries", "How often it is tried again");
  spec_list(app, "--after", flags.lists["after"], "A job that must succeed first");
  app.add_flag_callback(
         "--preemptible", [&flags] { flags.switches["preemptible"] = true; },
         "It may be stopped for a more urgent one")
      ->group("The job");
  app.add_option("command", flags.lists["command"], "After --: the command to run in the container")
      ->group("The job");
}

}  // namespace oppen::cli
