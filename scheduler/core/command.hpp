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
  client::ConsumedRecord record;  // as it came
  bool read = false;              // whether the rest is filled in
  std::string fault;              // why it can't be handled at all; "" otherwise
  CloudEvent event;               // of a batch.submit without data
  std::optional<BatchScan> part;  // of a batch.submit
  std::string structured_data;    // its JSON, where that is not the record's value
  std::string note;               // note_of the record (log_check.hpp)

  std::int64_t offset() const { return record.offset; }
  // The JSON of a batch.submit.
  std::string& part_data() {
    return structured_data.empty() ? *record.record.value : structured_data;
  }
};

Command read_command(client::ConsumedRecord record);

}  // namespace oppen::core
