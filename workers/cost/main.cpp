// oppen-cost: charges every attempt while it runs, to the micro-dollar, and publishes what it costs on the topic `costs`.
// Beside that one instance keeps the budgets, and counts what GPUs nobody takes.
#include <thread>

#include "workers/cost/budgets/keeper/keeper.hpp"
#include "workers/cost/worker/worker.hpp"
#include "workers/runtime/memory.hpp"
#include "workers/runtime/stop.hpp"
#include "workers/runtime/worker_settings.hpp"

int main(int argc, char** argv) {
  using namespace oppen;
  runtime::return_freed_memory(4);  // two read, one parses, one accounts
  runtime::StopSignal stop;
  runtime::WorkerSettings common;
  runtime::Settings settings(
      "oppen-cost",
      "Charges each attempt of a job while it runs and when it ends, and publishes the charges.\n"
      "Several instances share the partitions of job-events.");
  common.declare(settings, "127.0.0.1:8082");
  if (const auto exit_code = settings.parse(argc, argv)) return *exit_code;
  runtime::start_logging("oppen-cost", common.log_level, common.log_format);
  spdlog::info("settings: {}", settings.describe());

  const auto kafka = common.kafka("oppen-cost");
  if (!kafka) return spdlog::error("{}", kafka.error().message), 2;
  const SystemClock clock;
  runtime::Metrics metrics;
  runtime::Health health;
  cost::CostMetrics cost_metrics(metrics);
  const auto server = runtime::HealthServer::start(
      common.listen, metrics, health, {{"/metrics", [&](const auto&) {
                                          return runtime::HttpAnswer{
                                              200, metrics.render() + cost_metrics.pods_page(),
                                              "text/plain; version=0.0.4; charset=utf-8"};
                                        }}});
  if (!server) return spdlog::error("{}", server.error().message), 2;

  // What is not acknowledged stays to be published, whatever happens: the producer gives up on no record.
  auto producer_settings = *kafka;
  producer_settings.properties["message.timeout.ms"] = "0";
  const auto producer = client::Producer::create(
      producer_settings,
      {"costs", "control", "dead-letter", "job-events", "recommendations", "runs"});
  if (!producer) return spdlog::error("{}", producer.error().message), 2;
  const auto worker = cost::Worker::create(*kafka, common.redis_url,
                                           {clock, metrics, health, cost_metrics, **producer});
  if (!worker) return spdlog::error("{}", worker.error().message), 2;

  budgets::Keeper keeper(*kafka, common.redis_url, {clock, metrics, **producer});
  const std::jthread keeping([&](const std::stop_token& over) { keeper.run(over); });

  const auto status = (*worker)->run(stop.token());
  if (!status) return spdlog::critical("{}", status.error().message), 1;
  spdlog::info("stopped");
  return 0;
}
