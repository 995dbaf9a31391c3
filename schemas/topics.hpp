#pragma once
// The topics of the contract, and which topic each event type belongs to. Constants, any thread.
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace oppen::topics {

// Names without the prefix (setting OPPEN_TOPIC_PREFIX, "oppen." by default).
inline constexpr std::string_view jobs = "jobs";
inline constexpr std::string_view control = "control";
inline constexpr std::string_view job_events = "job-events";
inline constexpr std::string_view telemetry = "telemetry";
inline constexpr std::string_view runs = "runs";
inline constexpr std::string_view costs = "costs";
inline constexpr std::string_view recommendations = "recommendations";
inline constexpr std::string_view alerts = "alerts";
inline constexpr std::string_view dead_letter = "dead-letter";

struct Topic {
  std::string_view name;
  int partitions;
  std::chrono::hours retention;
  std::int32_t max_message_bytes;  // of one record batch, as the broker counts it
};

// All nine, with the contract's defaults.
std::span<const Topic> all();

}  // namespace oppen::topics
