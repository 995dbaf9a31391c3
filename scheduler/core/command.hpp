#pragma once
// A record of the topic `jobs`, read as far as that needs nothing but the record: large batches take
// their time here, on the thread that reads the log. Pure; any thread.
#include <optional>
#include <string>

#include "producers/client/kafka.hpp"
#include "scheduler/core/batch_scan.hpp"
#include "schemas/cloud_event.hpp"

namespace oppen::core {

struct Command {
  std::int64_t offset = -1;
  std::string fault;              // why it can't be handled at all; "" otherwise
  CloudEvent event;               // of a batch.submit without data
  std::optional<BatchScan> part;  // of a batch.submit
  std::string part_data;          // its JSON
};

Command read_command(const client::ConsumedRecord& record);

}  // namespace oppen::core
