#include "producers/access/endpoints.hpp"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>

namespace oppen::access {

Result<client::KafkaSettings> Endpoints::kafka() const {
  auto properties = client::parse_kafka_properties(kafka_properties);
  if (!properties)
    return fail(
        properties.error().in_context("reading --kafka-properties (OPPEN_KAFKA_PROPERTIES)"));
  client::KafkaSettings settings;
  settings.brokers = kafka_brokers;
  settings.properties = *std::move(properties);
  settings.topic_prefix = topic_prefix;
  settings.client_id = "oppen-cli";
  return settings;
}

Error Endpoints::kafka_error(const Error& error) const {
  if (error.kind == ErrorKind::unavailable) {
    return {error.kind,
            "Kafka at " + kafka_brokers +
                " can't be reached (--kafka-brokers or OPPEN_KAFKA_BROKERS says where it is): " +
                error.message};
  }
  // A missing topic is a stack that was not set up, not a job that isn't there.
  if (error.kind == ErrorKind::not_found) {
    return {ErrorKind::unavailable, "Kafka at " + kafka_brokers + ": " + error.message +
                                        " (are the topics created? --topic-prefix is \"" +
                                        topic_prefix + "\")"};
  }
  return error;
}

std::string user_name() {
  const char* const user = std::getenv("USER");
  if (user != nullptr && *user != '\0') return user;
  const passwd* const entry = getpwuid(geteuid());  // jobs of cron and containers have no USER
  return entry != nullptr ? entry->pw_name : "unknown";
}

}  // namespace oppen::access
