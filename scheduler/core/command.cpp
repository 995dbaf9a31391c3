#include "scheduler/core/command.hpp"

#include "schemas/commands.hpp"

namespace oppen::core {

Command read_command(const client::ConsumedRecord& record) {
  Command command;
  command.offset = record.offset;
  const auto fault = [&](const Error& error) {
    command.fault = error.message;
    return command;
  };
  auto unparsed = decode_unparsed(record.record);
  if (!unparsed) return fault(unparsed.error());
  command.event = std::move(unparsed->event);
  if (command.event.type == BatchSubmit::type) {
    auto part = scan_batch(unparsed->data);
    if (!part) return fault(part.error());
    command.part = std::move(*part);
    command.part_data = std::move(unparsed->data);
    return command;
  }
  auto data = parse_event_data(unparsed->data);
  if (!data) return fault(data.error());
  command.event.data = std::move(*data);
  return command;
}

}  // namespace oppen::core
