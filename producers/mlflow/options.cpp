#include "producers/mlflow/options.hpp"

#include <cstdio>

namespace oppen::mlflow {
namespace {

constexpr auto purpose =
    "Tells of MLflow's runs on the topic oppen.runs: run.completed of each that has ended, once, "
    "and\n"
    "run.progress of those that training jobs have begun. Writes to each what it has cost.\n\n"
    "A run is of a job when it has the tags oppen.job_id and oppen.attempt. In the training code:\n"
    "  mlflow.set_tags({\"oppen.job_id\": os.environ[\"OPPEN_JOB_ID\"],\n"
    "                   \"oppen.attempt\": os.environ[\"OPPEN_ATTEMPT\"]})\n\n"
    "Where the fields stand in a run, --print-mapping shows; --mapping FILE changes it. A run that "
    "lacks\n"
    "one of them is skipped, and a line of the log says which.\n\n"
    "Credentials come from the environment or a file: MLFLOW_TRACKING_TOKEN or --token-file, or\n"
    "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD.\n\n"
    "  --once           looks at MLflow once, returns when all is published; exit code 3 when "
    "MLflow or\n"
    "                   Kafka can't be reached\n"
    "  --print-mapping  prints the mapping that holds without --mapping\n";

}  // namespace

std::optional<int> Options::parse(int argc, const char* const* argv) {
  std::vector<const char*> arguments(argv, argv + argc);
  const auto take_flag = [&](std::string_view flag) {
    return std::erase_if(arguments, [&](const char* argument) { return argument == flag; }) > 0;
  };
  once = take_flag("--once");
  const bool prints_mapping = take_flag("--print-mapping");

  runtime::Settings settings("oppen-mlflow", purpose);
  worker.declare(settings, "127.0.0.1:8085");
  const std::string group = "MLflow";
  settings.add(tracking_uri, {.name = "tracking-uri",
                              .env = "MLFLOW_TRACKING_URI",
                              .help = "Where the MLflow server is",
                              .unit = "URL",
                              .group = group});
  settings.add(token_file, {.name = "token-file",
                            .env = "OPPEN_MLFLOW_TOKEN_FILE",
                            .help = "Holds the bearer token; read again for every request",
                            .unit = "file",
                            .group = group});
  settings.add(ca_file,
               {.name = "ca-file",
                .env = "MLFLOW_TRACKING_SERVER_CERT_PATH",
                .help = "The authority that signed the server's certificate, when the system "
                        "does not know it",
                .unit = "PEM file",
                .group = group});
  settings.add(console_url, {.name = "console-url",
                             .env = "OPPEN_CONSOLE_URL",
                             .help = "Where oppen-console says what runs have cost, for that is "
                                     "written to MLflow; none: it is not",
                             .unit = "URL",
                             .group = group});
  settings.add(experiments,
               {.name = "experiments",
                .env = "OPPEN_MLFLOW_EXPERIMENTS",
                .help = "Names of the experiments to tell of, separated by commas; all that "
                        "are active when empty",
                .group = group});
  settings.add(mapping_file, {.name = "mapping",
                              .env = "OPPEN_MLFLOW_MAPPING",
                              .help = "Where the events' fields stand in a run",
                              .unit = "JSON file",
                              .group = group});
  settings.add(poll_seconds, {.name = "poll-interval",
                              .env = "OPPEN_MLFLOW_POLL_INTERVAL",
                              .help = "How often MLflow is asked for what is new",
                              .unit = "seconds",
                              .min = 1,
                              .max = 3600,
                              .group = group});
  settings.add(sweep_seconds,
               {.name = "sweep-interval",
                .env = "OPPEN_MLFLOW_SWEEP_INTERVAL",
                .help = "How often all runs of the lookback are gone through, for what came late",
                .unit = "seconds",
                .min = 1,
                .max = 86'400,
                .group = group});
  settings.add(lookback_days,
               {.name = "lookback",
                .env = "OPPEN_MLFLOW_LOOKBACK",
                .help = "How old an end may be that is still told. Must be less than the "
                        "topic keeps its records (30 days)",
                .unit = "days",
                .min = 1,
                .max = 29,
                .group = group});
  settings.add(page_size, {.name = "page-size",
                           .env = "OPPEN_MLFLOW_PAGE_SIZE",
                           .help = "How many runs are asked for at once",
                           .unit = "runs",
                           .min = 1,
                           .max = 1000,
                           .group = group});
  if (const auto code = settings.parse(static_cast<int>(arguments.size()), arguments.data()))
    return code;
  described = settings.describe();
  if (!prints_mapping) return std::nullopt;
  std::fputs(std::string(Mapping::usual_text()).c_str(), stdout);
  return 0;
}

BridgeOptions Options::bridge() const {
  BridgeOptions options;
  options.page_size = static_cast<int>(page_size);
  options.lookback = std::chrono::hours(24 * lookback_days);
  options.sweep_interval = std::chrono::seconds(sweep_seconds);
  std::size_t begin = 0;
  while (begin <= experiments.size()) {
    const auto end = std::min(experiments.find(',', begin), experiments.size());
    auto name = experiments.substr(begin, end - begin);
    name.erase(0, name.find_first_not_of(' '));
    name.erase(name.find_last_not_of(' ') + 1);
    if (!name.empty()) options.experiments.push_back(std::move(name));
    begin = end + 1;
  }
  return options;
}

Result<Mapping> Options::mapping() const {
  return mapping_file.empty() ? Result<Mapping>(Mapping::usual())
                              : Mapping::from_file(mapping_file);
}

}  // namespace oppen::mlflow
