#pragma once
// How long one question to Kafka may take before the broker counts as away.
#include <chrono>

namespace oppen::core {

inline constexpr std::chrono::seconds kafka_deadline{10};

}  // namespace oppen::core
