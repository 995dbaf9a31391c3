// oppen-scheduler: keeps the queue in Redis and launches the jobs' pods.
#include <fmt/format.h>
#include <unistd.h>

#include <random>
#include <thread>

#include "scheduler/core/term.hpp"
#include "scheduler/kube/kube_client.hpp"
#include "workers/runtime/log.hpp"
#include "workers/runtime/stop.hpp"
#include "workers/runtime/worker_settings.hpp"

namespace {

using namespace oppen;

// Unique among all schedulers that ever ran.
std::string instance_name() {
  char host[256] = "unknown";
  gethostname(host, sizeof host - 1);
  return fmt::format("{}-{}-{:08x}", host, getpid(), std::random_device{}());
}

int run(const runtime::WorkerSettings& settings, std::int64_t lease_ttl_ms) {
  const runtime::StopSignal stop;
  const SystemClock clock;
  runtime::Metrics metrics;
  runtime::Health health;
  auto kafka = settings.kafka("oppen-scheduler");
  if (!kafka) return spdlog::error("{}", kafka.error().message), 2;
  auto server = runtime::HealthServer::start(settings.listen, metrics, health);
  if (!server) return spdlog::error("{}", server.error().message), 2;

  // Order must hold whatever happens, so the producer gives up on no record.
  auto producer_settings = *kafka;
  producer_settings.properties["message.timeout.ms"] = "0";
  auto producer =
      client::Producer::create(producer_settings, {"job-events", "control", "runs", "dead-letter"});
  if (!producer) return spdlog::error("{}", producer.error().message), 2;

  const auto make_kube = [&settings]() -> std::unique_ptr<kube::KubeApi> {
    auto access = runtime::KubeAccess::from_environment();
    if (!access) {
      spdlog::error("{}", access.error().message);
      return nullptr;
    }
    return std::make_unique<kube::KubeClient>(std::move(*access), settings.kube_namespace);
  };
  if (!make_kube()) return 2;

  const core::TermOptions options{*kafka, settings.redis_url, settings.kube_namespace,
                                  instance_name(), std::chrono::milliseconds(lease_ttl_ms)};
  while (!stop.token().stop_requested()) {
    const auto status =
        core::run_term(options, {clock, metrics, health, **producer, make_kube}, stop.token());
    if (status) break;
    if (status.error().kind == ErrorKind::fatal)
      return spdlog::critical("{}", status.error().message), 1;
    health.set("leadership", status);
    health.beat();
    spdlog::warn("beginning again: {}", status.error().message);
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
  spdlog::info("stopped");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  runtime::WorkerSettings common;
  std::int64_t lease_ttl_ms = 3000;
  runtime::Settings settings("oppen-scheduler",
                             "Keeps the queue of jobs in Redis and launches their pods.");
  common.declare(settings, "127.0.0.1:8081");
  settings.add(lease_ttl_ms, {.name = "lease-ttl",
                              .help = "A leader that died is replaced after this time",
                              .unit = "milliseconds",
                              .min = 500,
                              .max = 60'000});
  if (const auto exit_code = settings.parse(argc, argv)) return *exit_code;
  runtime::start_logging("oppen-scheduler", common.log_level, common.log_format);
  spdlog::info("settings: {}", settings.describe());
  return run(common, lease_ttl_ms);
}
