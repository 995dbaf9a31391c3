#pragma once
// Where Oppen's services are, and who asks them. A plain value.
#include <chrono>
#include <string>

#include "producers/client/kafka.hpp"
#include "schemas/error.hpp"

namespace oppen::access {

// How long a broker may take before it counts as unreachable.
inline constexpr std::chrono::seconds reach_deadline{10};

struct Endpoints {
  std::string kafka_brokers = "127.0.0.1:9092";
  std::string kafka_properties;  // secret
  std::string topic_prefix = "oppen.";
  std::string console_url = "http://127.0.0.1:8088";

  // Errors: invalid, for malformed kafka_properties.
  Result<client::KafkaSettings> kafka() const;
  // A failure to reach Kafka, with where it was looked for and the setting that says so.
  Error kafka_error(const Error& error) const;
};

// Who asks: $USER, else the name of the user by whom this runs, "unknown" where there is none.
std::string user_name();

}  // namespace oppen::access
