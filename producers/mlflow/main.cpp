// oppen-mlflow: tells on the topic `runs` what MLflow knows of runs, and tells MLflow what they have cost.
#include <optional>

#include "producers/mlflow/console_costs.hpp"
#include "producers/mlflow/kafka_runs.hpp"
#include "producers/mlflow/options.hpp"
#include "producers/mlflow/service.hpp"
#include "workers/runtime/memory.hpp"
#include "workers/runtime/stop.hpp"

// Exit codes: 0 stopped or done, 1 can't go on, 2 a setting is wrong, 3 something can't be reached (with --once).
int main(int argc, char** argv) {
  using namespace oppen;
  runtime::return_freed_memory();
  const runtime::StopSignal stop;
  mlflow::Options options;
  if (const auto exit_code = options.parse(argc, argv)) return *exit_code;
  runtime::start_logging("oppen-mlflow", options.worker.log_level, options.worker.log_format);
  SPDLOG_INFO("settings: {}", options.described);
  const auto wrong = [](const Error& error) { return SPDLOG_ERROR("{}", error.message), 2; };

  runtime::HttpClient http;
  const std::stop_callback ends_requests(stop.token(), [&http] { http.stop(); });
  runtime::Metrics metrics;
  runtime::Health health;
  auto mapping = options.mapping();
  if (!mapping) return wrong(mapping.error());
  auto credentials = mlflow::Credentials::from_environment(options.token_file);
  if (!credentials) return wrong(credentials.error());
  auto api = mlflow::HttpApi::create(http, options.tracking_uri, *credentials, options.ca_file);
  if (!api) return wrong(api.error());
  const auto kafka = options.worker.kafka("oppen-mlflow");
  if (!kafka) return wrong(kafka.error());
  const auto topic = mlflow::KafkaRuns::create(*kafka, health, stop.token());
  if (!topic) return wrong(topic.error());
  std::optional<mlflow::ConsoleCosts> console;
  std::optional<mlflow::CostWriter> costs;
  if (options.console_url != "none") {
    auto created = mlflow::ConsoleCosts::create(http, options.console_url);
    if (!created) return wrong(created.error());
    console.emplace(std::move(*created));
    costs.emplace(*api, *console, *mapping, metrics, health);
  }
  mlflow::Bridge bridge(*api, **topic, costs ? &*costs : nullptr, std::move(*mapping),
                        options.bridge(), metrics, health);

  if (options.once) {
    auto passed = bridge.pass(SystemClock().now());
    if (passed && costs) passed = costs->written();
    if (!passed) SPDLOG_ERROR("{}", passed.error().message);
    return passed ? 0 : 3;
  }
  for (const auto* dependency : {"kafka", "mlflow"})
    health.set(dependency, fail(ErrorKind::unavailable, "has not answered yet"));
  const auto server = runtime::HealthServer::start(options.worker.listen, metrics, health);
  if (!server) return wrong(server.error());
  const auto ended = mlflow::run_service(bridge, *api, health,
                                         std::chrono::seconds(options.poll_seconds), stop.token());
  if (!ended) return SPDLOG_CRITICAL("{}", ended.error().message), 1;
  SPDLOG_INFO("stopped");
  return 0;
}
