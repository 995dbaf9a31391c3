#include "workers/runtime/worker_settings.hpp"

#include <spdlog/spdlog.h>

namespace oppen::runtime {
namespace {

// librdkafka speaks of each failed attempt to connect: worth a warning, not more, since it goes on
// by itself.
void log_kafka(int level, const std::string& line) {
  constexpr int error = 3;
  constexpr int warning = 4;
  spdlog::log(level <= error     ? spdlog::level::warn
              : level == warning ? spdlog::level::info
                                 : spdlog::level::debug,
              "librdkafka: {}", line);
}

}  // namespace

void WorkerSettings::declare(Settings& settings, const std::string& default_listen) {
  listen = default_listen;
  const std::string group = "Common to all workers";
  settings.add(kafka_brokers, {.name = "kafka-brokers",
                               .help = "Kafka's bootstrap servers, host:port, separated by commas.",
                               .group = group});
  settings.add(kafka_properties,
               {.name = "kafka-properties",
                .help = "Any librdkafka properties, such as those of TLS and SASL.",
                .unit = "name=value;name=value",
                .secret = true,
                .group = group});
  settings.add(
      topic_prefix,
      {.name = "topic-prefix", .help = "What the topics' names begin with.", .group = group});
  settings.add(redis_url, {.name = "redis-url",
                           .help = "Where Redis is.",
                           .unit = "redis://[user:password@]host:port/db",
                           .secret = true,
                           .group = group});
  settings.add(kube_namespace,
               {.name = "namespace",
                .help = "The Kubernetes namespace of the jobs' pods and of the policies.",
                .group = group});
  settings.add(listen, {.name = "listen",
                        .help = "Where /metrics, /healthz and /readyz are served.",
                        .unit = "host:port",
                        .group = group});
  settings.add(log_level, {.name = "log-level",
                           .help = "The least severity that is logged.",
                           .one_of = {"trace", "debug", "info", "warn", "error"},
                           .group = group});
  settings.add(log_format, {.name = "log-format",
                            .help = "Lines for people, or one JSON object each.",
                            .one_of = {"text", "json"},
                            .group = group});
}

Result<client::KafkaSettings> WorkerSettings::kafka(const std::string& client_id) const {
  auto properties = client::parse_kafka_properties(kafka_properties);
  if (!properties) return fail(properties.error());
  client::KafkaSettings settings;
  settings.brokers = kafka_brokers;
  settings.properties = std::move(*properties);
  settings.topic_prefix = topic_prefix;
  settings.client_id = client_id;
  settings.log = log_kafka;
  return settings;
}

}  // namespace oppen::runtime
