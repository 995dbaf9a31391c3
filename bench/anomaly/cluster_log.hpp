#pragma once
// What a busy cluster says in some time that is over: job events, telemetry and costs, each record with the time of what it tells. One thread.
#include <chrono>
#include <cstdint>
#include <map>

#include "producers/client/kafka.hpp"
#include "schemas/time.hpp"

namespace oppen::bench {

struct ClusterLog {
  static constexpr int gpus_of_a_job = 8;  // a node

  int gpus = 0;
  Time begin{};
  std::chrono::minutes length{};

  // How many records it published. Ends the program when Kafka doesn't take them.
  std::size_t publish(const client::KafkaSettings& kafka) const;
};

}  // namespace oppen::bench
