#pragma once
// Whether the log that we are connected to is the one that Redis was made from: the same Kafka cluster, no shorter than what has been
// handled of it, and with the same record where one was noted. One thread.
#include <string>

#include "producers/client/kafka.hpp"
#include "scheduler/queue/store.hpp"

namespace oppen::core {

// "<offset> <digest of the record there>", as Redis keeps it of the last record of `jobs` that was handled. Pure.
std::string note_of(const client::ConsumedRecord& record);

// Returns the cluster's id. Errors: fatal when it is another log: the message says what to do. unavailable.
// Moves the consumer's assignment.
Result<std::string> check_log(queue::QueueStore& store, client::Consumer& consumer);

// The field of meta that holds note_of.
inline constexpr auto last_record_field = "last:jobs";

}  // namespace oppen::core
