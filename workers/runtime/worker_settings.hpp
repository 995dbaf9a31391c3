#pragma once
// The settings that every worker has (contract: OPPEN_KAFKA_BROKERS and the others), declared in one place.
#include <string>

#include "producers/client/kafka.hpp"
#include "workers/runtime/settings.hpp"

namespace oppen::runtime {

struct WorkerSettings {
  std::string kafka_brokers = "127.0.0.1:9092";
  std::string kafka_properties;  // secret: may hold passwords
  std::string topic_prefix = "oppen.";
  std::string redis_url = "redis://127.0.0.1:6379/0";  // secret: may hold a password
  std::string kube_namespace = "ml-training";
  std::string listen;  // "127.0.0.1:8081"
  std::string log_level = "info";
  std::string log_format = "text";

  void declare(Settings& settings, const std::string& default_listen);
  // Errors: invalid, for malformed kafka_properties.
  Result<client::KafkaSettings> kafka(const std::string& client_id) const;
};

}  // namespace oppen::runtime
