#pragma once
// An event on its way from Redis to Kafka, as one string of the outbox. Plain values and pure
// functions.
#include <string>
#include <string_view>

#include "schemas/error.hpp"
#include "schemas/time.hpp"

namespace oppen::queue {

struct OutboxEntry {
  std::string topic;  // without prefix
  std::string key;    // also the event's subject
  std::string type;   // "dev.oppen.job.queued.v1"
  std::string id;     // deterministic: same cause, same id
  Time time{};
  std::string data;  // JSON text
};

std::string encode(const OutboxEntry& entry);
Result<OutboxEntry> decode_entry(std::string_view text);  // fatal when malformed

}  // namespace oppen::queue
