// oppen-telemetry: samples the GPUs of a node and publishes what they do, for which pod and job.
#include <cstdio>

#include "producers/telemetry/agent.hpp"
#include "producers/telemetry/once.hpp"
#include "workers/runtime/log.hpp"
#include "workers/runtime/memory.hpp"
#include "workers/runtime/stop.hpp"

namespace {

int refuse(const oppen::Error& error) {
  std::fprintf(stderr, "oppen-telemetry: %s\n", error.message.c_str());
  return error.kind == oppen::ErrorKind::unavailable ? 3
         : error.kind == oppen::ErrorKind::fatal     ? 1
                                                     : 2;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace oppen;
  runtime::return_freed_memory();
  runtime::StopSignal stop;
  telemetry::Options options;
  if (const auto exit_code = options.parse(argc, argv)) return *exit_code;
  // --once says itself what is wrong.
  runtime::start_logging("telemetry", options.once ? "error" : options.worker.log_level,
                         options.worker.log_format);

  const SystemClock clock;
  const auto parts = telemetry::Wiring::create(options, clock);
  if (!parts) return refuse(parts.error());
  if (options.once) {
    const auto samples = telemetry::sample_once(*(*parts)->sampler, clock, !options.replay.empty());
    if (!samples) return refuse(samples.error());
    std::fputs(
        (options.output == "json" ? telemetry::to_json(*samples) : telemetry::to_table(*samples))
            .c_str(),
        stdout);
    return 0;
  }

  SPDLOG_INFO("starting with {}", options.described);
  const auto kafka = options.worker.kafka("oppen-telemetry");
  if (!kafka) return refuse(kafka.error());
  const auto publisher = telemetry::Publisher::start(
      *kafka, options.buffer_dir, static_cast<std::uint64_t>(options.buffer_mb) * 1'000'000);
  if (!publisher) return refuse(publisher.error());
  runtime::Health health;
  health.set("kafka", (*publisher)->status());
  auto& metrics = (*parts)->metrics;
  const auto server = runtime::HealthServer::start(
      options.worker.listen, metrics, health,
      {{"/metrics", [&](const auto&) {
          return runtime::HttpAnswer{200, metrics.render() + (*parts)->page.render(),
                                     "text/plain; version=0.0.4; charset=utf-8"};
        }}});
  if (!server) return refuse(server.error());
  SPDLOG_INFO("listening on port {}", (*server)->port());
  runtime::trim_memory();  // what starting took
  runtime::release_code();
  telemetry::run_agent(**parts, **publisher, health, clock, stop.token());
  SPDLOG_INFO("stopping");
  return 0;
}
